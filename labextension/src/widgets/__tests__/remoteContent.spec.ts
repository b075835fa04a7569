import { Sanitizer } from '@jupyterlab/apputils';
import { withoutRemoteContent } from '../remoteContent';

const { sanitize } = withoutRemoteContent(new Sanitizer());

describe('withoutRemoteContent', () => {
  it.each([
    '<p>Text with <a href="https://example.org/">a link</a></p>',
    '<img src="data:image/png;base64,AAAA" alt="plot" />',
    '<img src="figures/plot.png" alt="HTTP: how it works" />',
    '<table><tr><td style="color: red">1</td></tr></table>'
  ])('leaves %s as it is', html => {
    expect(sanitize(html)).toBe(new Sanitizer().sanitize(html));
  });

  it('makes a remote image a link', () => {
    expect(sanitize('<img src="https://example.org/?q=secret" alt="A cat">')).toBe(
      '<a href="https://example.org/?q=secret" target="_blank" rel="noopener noreferrer">A cat</a>'
    );
  });

  it.each([
    '<img src="//example.org/x">',
    '<img src=" https://example.org/x">',
    '<img src="\\\\example.org/x">',
    '<img src="/&#9;/example.org/x">',
    '<img src="&#1;//example.org/x">',
    '<img src="ht&#10;tps://example.org/x">',
    '<img src="https:example.org/x">',
    '<img src="http:/example.org/x">',
    '<img srcset="https://example.org/x 2x">',
    '<img src="a.png" srcset="b.png 2x, https://example.org/x 3x">',
    '<p style="background: url(https://example.org/x)">x</p>',
    '<p style="background-image: url(\'//example.org/x\')">x</p>',
    '<video poster="https://example.org/x" src="https://example.org/y"></video>',
    '<table background="https://example.org/x"><tr><td background="//example.org/x"></td></tr></table>'
  ])('loads nothing for %s', html => {
    const node = document.createElement('template');
    node.innerHTML = sanitize(html);
    for (const element of node.content.querySelectorAll('*:not(a)')) {
      for (const { value } of element.attributes) {
        expect(value).not.toContain('example.org');
      }
    }
  });
});
