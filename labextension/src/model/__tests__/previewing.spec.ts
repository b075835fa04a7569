import type { Preview } from '../chat';
import { Previewing } from '../previewing';

const page = (path: string): Preview => ({ type: 'page', key: `page:${path}`, path, n: 1 });
const [a, b, c] = ['a', 'b', 'c'].map(page);

describe('the preview panel', () => {
  let panel: Previewing;
  beforeEach(() => {
    panel = new Previewing();
    panel.update([a, b]);
  });

  it('shows the newest', () => {
    expect(panel.current).toBe(b);
    panel.update([a, b, c]);
    expect(panel.current).toBe(c);
  });

  it('stays with an older one that was asked for', () => {
    panel.step(-1);
    expect(panel.current).toBe(a);
    expect(panel.store.get().follow).toBe(false);
    panel.update([a, b, c]);
    expect(panel.current).toBe(a);
  });

  it('follows again at the newest, or when told to', () => {
    panel.step(-1);
    panel.step(1);
    expect(panel.store.get().follow).toBe(true);
    panel.step(-1);
    panel.setFollow(true);
    expect(panel.current).toBe(b);
  });

  it('goes to the newest when the one that is shown is gone', () => {
    panel.step(-1);
    panel.update([b, c]);
    expect(panel.current).toBe(c);
  });

  it('does not step beyond the ends', () => {
    panel.step(1);
    expect(panel.current).toBe(b);
    expect(panel.index).toBe(1);
  });
});
