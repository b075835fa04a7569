import React from 'react';
import { alertIcon, closeIcon } from '../icons';
import type { ErrorInfo } from '../model/events';
import { remedy } from '../model/remedy';
import { Icon, IconButton } from './IconButton';
import { useServices } from './services';

export interface IErrorCardProps {
  error: ErrorInfo;
  /** The provider that the error is about, if one is. */
  provider?: string;
  onRetry?: () => void;
  onPickModel?: () => void;
  onDismiss?: () => void;
  /** Further buttons. */
  children?: React.ReactNode;
}

/** An error: one sentence, one hint, and one button that does the thing. */
export function ErrorCard(props: IErrorCardProps): JSX.Element {
  const { error, provider, onRetry, onPickModel, onDismiss, children } = props;
  const { chatide, trans } = useServices();
  const buttons = {
    keys: {
      label: trans.__('Open models and keys'),
      act: () => chatide.connect(provider)
    },
    usage: {
      label: trans.__('See the usage'),
      act: () => chatide.connect('', 'usage')
    },
    model: { label: trans.__('Pick another model'), act: onPickModel },
    retry: { label: trans.__('Try again'), act: onRetry },
    none: { label: '', act: undefined }
  };
  const { label, act } = buttons[remedy(error.code)];
  return (
    <div className="jp-ChatIDE-card jp-mod-error" role="alert">
      <Icon icon={alertIcon} />
      <div className="jp-ChatIDE-cardBody">
        <p>
          <strong>{error.message}</strong> {error.hint}
        </p>
        {(act || children) && (
          <div className="jp-ChatIDE-buttons">
            {act && (
              <button type="button" className="jp-ChatIDE-button" onClick={act}>
                {label}
              </button>
            )}
            {children}
          </div>
        )}
      </div>
      {onDismiss && <IconButton icon={closeIcon} label={trans.__('Dismiss')} onClick={onDismiss} />}
    </div>
  );
}
