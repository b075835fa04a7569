import type { IAction } from './chat';

/** What an action is in a notebook's cell; null where it has no place in one. */
export function notebookCode({ kind, language, path, content }: IAction): string | null {
  const code = content.replace(/\n$/, '');
  switch (kind) {
    case 'cell':
      return code;
    case 'shell':
      return `%%bash\n${code}`;
    case 'file':
      return `%%writefile ${path}\n${code}`;
    case 'pip':
      return `%pip install ${code.split(/\s+/).filter(Boolean).join(' ')}`;
    case 'example':
      return /^py/i.test(language) ? code : null;
    default:
      return null;
  }
}
