import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { IReply } from '../model/chat';
import { modelName, providerOf } from '../model/models';
import { dollars, tokens } from '../model/wording';
import { ProviderIcon } from './ProviderIcon';
import { useChatIDE, useServices } from './services';

/** Under a reply: who answers or answered it, how long it was, what it cost. */
export function ReplyFoot({ reply }: { reply: IReply }): JSX.Element | null {
  const { trans } = useServices();
  const demo = useChatIDE(({ providers }) => providerOf(reply.model, providers)?.group === 'demo');
  const { model, reason, inputTokens, outputTokens } = reply;
  const name = modelName(model);
  const going = reason === '';
  if (reason === 'failed' && reply.parts.length === 0 && !reply.reasoning && !outputTokens) {
    return null; // nobody answered
  }
  const facts = going || demo ? [] : factsOf(reply, trans);
  const exact =
    inputTokens === undefined || outputTokens === undefined
      ? undefined
      : trans.__(
          '%1 tokens in, %2 tokens out',
          inputTokens.toLocaleString(),
          outputTokens.toLocaleString()
        );
  return (
    <div className="jp-ChatIDE-by">
      <ul>
        <li>
          <ProviderIcon of={model} />
          <span
            className="jp-ChatIDE-byModel"
            title={model}
            aria-label={going ? trans.__('Asked: %1', model) : trans.__('Answered by %1', model)}
          >
            {name}
          </span>
        </li>
        {facts.map(fact => (
          <li key={fact} title={exact}>
            {fact}
          </li>
        ))}
      </ul>
    </div>
  );
}

function factsOf(reply: IReply, trans: TranslationBundle): string[] {
  const { inputTokens, outputTokens, cost, continued } = reply;
  const counted = inputTokens !== undefined && outputTokens !== undefined;
  const last = continued[continued.length - 1];
  const facts = counted
    ? [trans.__('%1 in', tokens(inputTokens)), trans.__('%1 out', tokens(outputTokens))]
    : [];
  if (cost !== undefined) {
    facts.push(cost === 0 ? trans.__('no cost') : dollars(cost));
  } else if (counted || reply.parts.length > 0) {
    facts.push(trans.__('cost unknown'));
  }
  if (last?.reason === 'length') {
    facts.push(trans.__('continued %1 of %2', last.attempt, last.limit));
  }
  return facts;
}
