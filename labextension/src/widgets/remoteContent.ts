import type { IRenderMime } from '@jupyterlab/rendermime';

const REMOTE = /^(https?:(?! )|[/\\]{2})/i;

/** Whether a browser may read an address as one elsewhere; `https:host` is one, too. */
function isRemote(address: string): boolean {
  // A browser leaves these characters out before it reads an address.
  return REMOTE.test(address.replace(/^[\0- ]+|[\t\n\r]/g, ''));
}

/**
 * A sanitizer whose output loads nothing from elsewhere: an address that a reply or an output
 * made up can carry data away. Remote images become links, which a person may follow.
 */
export function withoutRemoteContent(sanitizer: IRenderMime.ISanitizer): IRenderMime.ISanitizer {
  return {
    getAutolink: () => sanitizer.getAutolink?.() ?? true,
    sanitize: (dirty, options) => localOnly(sanitizer.sanitize(dirty, options)),
    allowNamedProperties: sanitizer.allowNamedProperties,
    allowCommandLinker: false
  };
}

function localOnly(html: string): string {
  const template = document.createElement('template'); // what is in it is parsed, but not loaded
  template.innerHTML = html;
  let changed = false;
  for (const node of template.content.querySelectorAll('*')) {
    for (const { name, value } of [...node.attributes]) {
      if (!loads(node, name, value)) {
        continue;
      }
      changed = true;
      if (node.localName === 'img' && name === 'src') {
        node.replaceWith(link(value.trim(), node.getAttribute('alt')));
      } else {
        node.removeAttribute(name);
      }
    }
  }
  return changed ? template.innerHTML : html;
}

/** Whether an attribute makes the browser fetch something from elsewhere by itself. */
function loads(node: Element, name: string, value: string): boolean {
  if (name === 'href' || name === 'cite') {
    return node.localName !== 'a' && node.localName !== 'area' && isRemote(value);
  }
  if (name === 'style') {
    return /url\s*\(|image\s*\(|\\/i.test(value);
  }
  return name === 'srcset' || isRemote(value);
}

function link(address: string, text: string | null): HTMLAnchorElement {
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer';
  anchor.textContent = text || address;
  return anchor;
}
