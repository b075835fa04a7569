import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import React, { memo, useLayoutEffect, useMemo, useRef } from 'react';
import { panelIcon } from '../icons';
import type { IRun } from '../model/chat';
import { previewKey } from '../model/fold';
import { isRich } from '../model/previews';
import { attach, detach } from '../widgets/hosting';
import { OutputSync } from '../widgets/outputSync';
import { IconButton } from './IconButton';
import { useServices } from './services';
import { Traceback } from './Traceback';

/** The outputs of a run, as Lab shows them, not trusted. */
export const RunOutputs = memo(({ run }: { run: IRun }) => {
  const { chatide, rendermime, trans } = useServices();
  const host = useRef<HTMLDivElement>(null);
  const sync = useRef<OutputSync>();
  const plain = useMemo(
    () => run.outputs.filter(({ output }) => output.output_type !== 'error'),
    [run.outputs]
  );
  const rich = plain.filter(({ output }) => isRich(output)).pop();

  useLayoutEffect(() => {
    const model = new OutputAreaModel({ trusted: false });
    const area = new SimplifiedOutputArea({ model, rendermime });
    attach(area, host.current!);
    sync.current = new OutputSync(model);
    return () => {
      sync.current = undefined;
      detach(area);
      model.dispose();
    };
  }, [rendermime, run.id]);

  useLayoutEffect(() => {
    sync.current?.show(plain);
  }, [plain, rendermime, run.id]);

  return (
    <>
      <div className={`jp-ChatIDE-outputs${plain.length ? '' : ' jp-mod-empty'}`}>
        <div ref={host} />
        {rich && (
          <IconButton
            className="jp-ChatIDE-enlarge"
            icon={panelIcon}
            label={trans.__('Open in preview')}
            onClick={() => chatide.preview(previewKey(run.id, rich))}
          />
        )}
      </div>
      <Traceback run={run} />
    </>
  );
});
RunOutputs.displayName = 'RunOutputs';
