import React from 'react';
import { keyIcon, starIcon } from '../icons';
import { chosenModel, modelName } from '../model/models';
import { Icon } from './IconButton';
import { ModelPicker } from './ModelPicker';
import { Popover } from './Popover';
import { useChatIDE, useServices } from './services';
import { useAction } from './useAction';

/** Picks the model of the next prompt, and can make it the one that new chats begin with. */
export function NextModel({ onClose }: { onClose: () => void }): JSX.Element {
  const { chatide, trans } = useServices();
  const current = useChatIDE(chosenModel);
  const byDefault = useChatIDE(state => state.defaultModel);
  const { busy, problem, run } = useAction();
  return (
    <Popover label={trans.__('Pick a model')} side="bottom" onClose={onClose}>
      <ModelPicker
        current={current}
        onPick={model => {
          chatide.setModel(model);
          onClose();
          chatide.focus();
        }}
      >
        {current && current !== byDefault && (
          <button
            type="button"
            className="jp-ChatIDE-footerButton"
            disabled={busy !== ''}
            title={current}
            onClick={() => void run('default', () => chatide.setDefaultModel(current))}
          >
            <Icon icon={starIcon} />
            <span>{trans.__('Make %1 the default', modelName(current))}</span>
          </button>
        )}
        {problem && <p className="jp-ChatIDE-nothing">{problem.message}</p>}
        <button
          type="button"
          className="jp-ChatIDE-footerButton"
          onClick={() => {
            onClose();
            chatide.connect();
          }}
        >
          <Icon icon={keyIcon} />
          {trans.__('Models and keys…')}
        </button>
      </ModelPicker>
    </Popover>
  );
}
