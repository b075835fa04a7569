import React, { useEffect, useMemo } from 'react';
import { USAGE_DAYS } from '../../model/gateway';
import { Remote } from '../../model/remote';
import type { ChatSession } from '../../model/session';
import { useServices, useStore } from '../services';
import { UsageTile } from './UsageTile';

/** What the open chat took. */
export function ChatUsage({ session }: { session: ChatSession }): JSX.Element | null {
  const { chatide, trans } = useServices();
  const remote = useMemo(
    () => new Remote(() => chatide.api.usage(USAGE_DAYS, session.id)),
    [chatide, session]
  );
  const { value } = useStore(remote.store);
  useEffect(() => {
    void remote.load();
  }, [remote]);
  return value ? <UsageTile label={trans.__('This chat')} totals={value.totals} /> : null;
}
