import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import { chevronRightIcon, switchIcon } from '../icons';
import type { Detour, IReply } from '../model/chat';
import { modelName } from '../model/models';
import { seconds } from '../model/wording';
import { Icon } from './IconButton';
import { useServices } from './services';

/** What happened before a model answered, in a line; the reasons are a click away. */
export function Detours({ reply }: { reply: IReply }): JSX.Element | null {
  const { trans } = useServices();
  const [open, setOpen] = useState(false);
  const { detours, reason, parts, reasoning } = reply;
  if (detours.length === 0) {
    return null;
  }
  const last = detours[detours.length - 1];
  const waiting = reason === '' && parts.length === 0 && !reasoning;
  return (
    <div className="jp-ChatIDE-detours">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon icon={chevronRightIcon} />
        <Icon icon={switchIcon} />
        <span>{waiting ? presently(last, trans) : summary(detours, trans)}</span>
      </button>
      {open && (
        <ol>
          {detours.map((detour, index) => (
            <li key={index}>
              <strong>{past(detour, trans)}</strong> {detour.reason}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

/** What went wrong with a model, in as few words as people in the field use. */
function fault(code: string, model: string, trans: TranslationBundle): string {
  const name = modelName(model);
  if (code === 'resting') {
    return trans.__('%1 rests', name);
  }
  const words: Record<string, string> = {
    rate_limit: '429',
    overloaded: trans.__('Overload'),
    timeout: trans.__('No answer in time'),
    unreachable: trans.__('No connection'),
    quota: trans.__('No credit'),
    malformed_reply: trans.__('Garbled answer'),
    authentication: trans.__('No key')
  };
  return trans.__('%1 from %2', words[code] ?? trans.__('Failure'), name);
}

function presently(detour: Detour, trans: TranslationBundle): string {
  return detour.type === 'retried'
    ? trans.__(
        '%1, asking again in %2…',
        ...[fault(detour.code, detour.model, trans), seconds(Math.ceil(detour.seconds))]
      )
    : trans.__(
        '%1, switching to %2…',
        ...[fault(detour.code, detour.from, trans), modelName(detour.to)]
      );
}

/** What was done about it; the reason, which the server words, stands behind it. */
function past(detour: Detour, trans: TranslationBundle): string {
  if (detour.type === 'switched') {
    return trans.__('%1 instead of %2.', detour.to, detour.from);
  }
  const wait = Math.round(detour.seconds * 10) / 10;
  return wait > 0
    ? trans.__('%1 asked again after %2.', detour.model, seconds(wait))
    : trans.__('%1 asked again at once.', detour.model);
}

/** All of it in a line: the switches where there were any, else how often it was asked again. */
function summary(detours: readonly Detour[], trans: TranslationBundle): string {
  const switches = detours.flatMap(detour => (detour.type === 'switched' ? [detour] : []));
  if (switches.length > 0) {
    const faults = switches.map(({ code, from }) => fault(code, from, trans));
    const { to } = switches[switches.length - 1];
    return trans.__('%1, switched to %2', faults.join(', '), modelName(to));
  }
  const [first] = detours;
  const what = fault(first.code, first.type === 'retried' ? first.model : '', trans);
  return detours.length === 1
    ? trans.__('%1, asked again', what)
    : trans.__('%1, asked again %2 times', what, detours.length);
}
