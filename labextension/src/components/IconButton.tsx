import type { LabIcon } from '@jupyterlab/ui-components';
import React, { forwardRef } from 'react';

export interface IIconButtonProps extends React.ButtonHTMLAttributes<HTMLButtonElement> {
  icon: LabIcon;
  label: string;
}

/** A button that is an icon; its label is what it is called and its tooltip. */
export const IconButton = forwardRef<HTMLButtonElement, IIconButtonProps>(
  ({ icon, label, className = '', ...rest }, ref) => (
    <button
      type="button"
      ref={ref}
      className={`jp-ChatIDE-iconButton ${className}`}
      aria-label={label}
      title={label}
      {...rest}
    >
      <Icon icon={icon} />
    </button>
  )
);
IconButton.displayName = 'IconButton';

export function Icon({ icon, className = '' }: { icon: LabIcon; className?: string }): JSX.Element {
  return <icon.react tag="span" className={`jp-ChatIDE-icon ${className}`} aria-hidden="true" />;
}
