import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';
import { FakeServer, demo, provider } from '../../../__tests__/fakeApi';
import { ApiError } from '../../../api';
import { ChatIDE } from '../../../model/chatide';
import type { Section } from '../../../model/panelState';
import type { LocalModel, ProviderStatus } from '../../../model/events';
import { Panel } from '../../Panel';

let server: FakeServer;
let chatide: ChatIDE;

beforeAll(() => {
  global.ResizeObserver = class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
});

beforeEach(() => {
  server = new FakeServer();
});

afterEach(cleanup);

const settle = () => act(async () => void (await new Promise(done => setTimeout(done, 20))));
const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>('button', { name });
const click = async (name: string | RegExp) => {
  fireEvent.click(button(name));
  await settle();
};
const type = (label: string | RegExp, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
const shown = () => document.querySelector('.jp-ChatIDE-root')!.textContent!;

async function open(section: Section, ...providers: ProviderStatus[]): Promise<void> {
  server.providerList = [demo, ...providers];
  chatide = new ChatIDE({ api: server.api, openStream: server.openStream });
  await chatide.start();
  chatide.connect('', section);
  render(
    <Panel
      services={{
        chatide,
        rendermime: new RenderMimeRegistry({ initialFactories: standardRendererFactories }),
        languages: null,
        trans: nullTranslator.load(''),
        insert: null
      }}
    />
  );
  await settle();
}

const kept = { set: true, source: 'file' as const, hint: '…abcd' };

describe('a provider', () => {
  it('is Ready no more when its test fails, until the test passes', async () => {
    await open('providers', provider('one', { key: kept, ready: true }));
    expect(button(/^one/).textContent).toContain('Ready');
    await click(/^one/);
    const failed = { ok: false, message: 'The key is revoked.', code: '', hint: 'Get one.' };
    server.checks = failed;
    await click('Test');
    expect(screen.getByRole('alert').textContent).toContain('The key is revoked. Get one.');
    expect(button(/^one/).textContent).toContain('Test failed');
    server.checks = { ...failed, ok: true, message: 'It works.', hint: '' };
    await click('Test');
    expect(button(/^one/).textContent).toContain('Ready');
  });

  it('is Ready again when its key changes after a failed test', async () => {
    await open('providers', provider('one', { key: kept, ready: true }));
    await click(/^one/);
    server.checks = { ok: false, message: 'No.', code: '', hint: '' };
    await click('Test');
    server.checks = { ok: true, message: 'Yes.', code: '', hint: '' };
    await click('Replace');
    type('Key', 'sk-new');
    await click('Save');
    expect(button(/^one/).textContent).toContain('Ready');
    expect(server.asked('setKey')).toHaveLength(1);
  });

  it('tells where its key is from, and removes only what is kept here', async () => {
    const key = { set: true, source: 'environment' as const, hint: 'ONE_KEY' };
    await open('providers', provider('one', { key }), provider('two', { key: kept }));
    await click(/^one/);
    expect(shown()).toContain('from the environment variable ONE_KEY');
    expect(screen.queryByRole('button', { name: 'Remove' })).toBeNull();
    await click(/^one/);
    await click(/^two/);
    await click('Remove');
    expect(server.asked('deleteKey')).toEqual([['two']]);
  });

  it('that can do without a key takes one, and can be tested', async () => {
    const can = { needs_key: false, key_variable: 'CLOUD_KEY', running: null };
    await open('providers', provider('one', can));
    await click(/^one/);
    type('Key (optional)', 'sk-new');
    await click('Save');
    expect(server.asked('setKey')).toEqual([['one', expect.objectContaining({ key: 'sk-new' })]]);
    await click('Test');
    expect(server.asked('checkKey').length).toBeGreaterThan(1);
  });

  it('shows no end of a key that is too short for it', async () => {
    await open('providers', provider('one', { key: { ...kept, hint: '…' } }));
    await click(/^one/);
    expect(shown()).toContain('in a file that only you can read');
    expect(shown()).not.toContain('read…');
  });

  it('on this machine that does not take the key is not called stopped', async () => {
    const refused = { ...{ needs_key: false, local: true, running: true }, refusal: 'No.' };
    const keyed = provider('one', { ...refused, key: kept, base_url: 'http://localhost:1/v1' });
    await open('providers', keyed, provider('two', refused));
    expect(button(/^one/).textContent).toContain('Key refused');
    expect(button(/^two/).textContent).toContain('Needs a key');
    await click(/^one/);
    expect(shown()).toContain('Answers at http://localhost:1/v1, and refuses the key.');
  });

  it('keeps its key where the person wants it', async () => {
    await open('providers', provider('one'));
    await click(/^one/);
    type('Key', 'sk-1');
    type('Where to keep it', 'memory');
    await click('Save');
    expect(server.asked('setKey')).toEqual([
      ['one', { key: 'sk-1', base_url: null, place: 'memory' }]
    ]);
  });

  it('offers only the places that there are', async () => {
    server.keyPlaces = ['memory'];
    await open('providers', provider('one'));
    await click(/^one/);
    expect(screen.queryByRole('combobox')).toBeNull();
    expect(shown()).toContain('Memory only: gone when Jupyter stops');
  });

  it('forgets a typed address when its own comes back', async () => {
    const near = provider('near', {
      ...{ group: 'local', needs_key: false, base_url: 'http://here/v1', base_url_editable: true },
      ...{ key: kept, running: true, ready: true }
    });
    await open('providers', near);
    await click(/^near/);
    expect(screen.getByLabelText<HTMLInputElement>('Address').value).toBe('http://here/v1');
    server.providerList = [demo, { ...near, base_url: 'http://default/v1' }];
    await click('Remove');
    expect(screen.getByLabelText<HTMLInputElement>('Address').value).toBe('http://default/v1');
  });

  it('says why the policy forbids it, and offers nothing to do', async () => {
    await open('providers', provider('one', { blocked: 'The administrator blocks one.' }));
    expect(button(/^one/).textContent).toContain('Blocked');
    await click(/^one/);
    expect(shown()).toContain('The administrator blocks one.');
    expect(screen.queryByLabelText('Key')).toBeNull();
  });

  it('has its options set, but not those from the environment', async () => {
    const options = [
      { name: 'region', label: 'Region', value: 'eu', variable: 'REGION' },
      { name: 'context', label: 'Context size', default: '8192', kind: 'integer' as const }
    ];
    await open('providers', provider('one', { options, key: kept }));
    await click(/^one/);
    expect(screen.getByLabelText<HTMLInputElement>(/^Region/).disabled).toBe(true);
    expect(screen.queryByRole('button', { name: 'Save the settings' })).toBeNull();
    type(/^Context size/, '16384');
    await click('Save the settings');
    expect(server.asked('setOptions')).toEqual([['one', { context: '16384' }]]);
  });

  it('is found by typing', async () => {
    await open('providers', provider('one'), provider('two'));
    type('Search providers', 'tw');
    expect(screen.queryByRole('button', { name: /^one/ })).toBeNull();
    expect(button(/^two/)).not.toBeNull();
    type('Search providers', 'three');
    expect(shown()).toContain('No provider has this in its name.');
  });

  it('of one’s own is added once, however often one clicks, renamed and removed', async () => {
    await open('providers');
    await click('Add a server');
    type('Name', 'Our lab');
    type('Address', 'http://lab:8000/v1');
    fireEvent.click(button('Add'));
    fireEvent.submit(screen.getByLabelText('Name').closest('form')!);
    await settle();
    expect(server.asked('putProvider')).toEqual([
      [
        'our-lab',
        {
          ...{ label: 'Our lab', base_url: 'http://lab:8000/v1' },
          needs_key: false,
          default_model: ''
        }
      ]
    ]);
    server.providerList = [demo, provider('our-lab', { group: 'custom', removable: true })];
    await act(() => chatide.refreshProviders());
    await click('Rename or change…');
    type('Name', 'The lab');
    type('Address', 'http://lab:8000/v1');
    await click('Save the changes');
    expect(server.asked('putProvider')[1]).toMatchObject(['our-lab', { label: 'The lab' }]);
    await click('Remove the server…');
    expect(server.asked('deleteProvider')).toHaveLength(0);
    await click('Remove the server');
    expect(server.asked('deleteProvider')).toEqual([['our-lab']]);
  });
});

describe('the chain', () => {
  const chain = () =>
    within(screen.getByRole('group', { name: 'Default chain' }))
      .queryAllByRole('listitem')
      .map(item => item.querySelector('[title]')!.getAttribute('title'));

  beforeEach(async () => {
    server.preferences = { ...server.preferences, fallback: ['a/1', 'b/2', 'c/3'] };
    await open('fallback', provider('a', { ready: true }), provider('b', { ready: true }));
  });

  it('is put in order with buttons, and the moved model keeps the focus', async () => {
    await click('Move c/3 up');
    expect(chain()).toEqual(['a/1', 'c/3', 'b/2']);
    expect(document.activeElement).toBe(button('Move c/3 up'));
    await click('Move c/3 up');
    expect(chain()).toEqual(['c/3', 'a/1', 'b/2']);
    expect(document.activeElement).toBe(button('Move c/3 down'));
    expect(screen.getAllByRole('status').map(({ textContent }) => textContent)).toContain(
      'c/3 is now number 1 of 3'
    );
  });

  it('is put in order with Alt and the arrow keys', async () => {
    const key = (key: string, altKey = true) =>
      fireEvent.keyDown(button('Remove a/1'), { key, altKey });
    key('ArrowUp');
    key('ArrowDown', false);
    await settle();
    expect(server.asked('changePreferences')).toHaveLength(0);
    key('ArrowDown');
    await settle();
    expect(server.asked('changePreferences')).toEqual([[{ fallback: ['b/2', 'a/1', 'c/3'] }]]);
  });

  it('takes a model that is picked, once', async () => {
    for (const model of ['a/small', 'a/small']) {
      await click('Add a model');
      fireEvent.change(screen.getByRole('combobox'), { target: { value: model } });
      await settle();
      fireEvent.click(screen.getAllByRole('option')[0]);
      await settle();
    }
    expect(chain()).toEqual(['a/1', 'b/2', 'c/3', 'a/small']);
    expect(server.asked('changePreferences')).toHaveLength(1);
  });

  it('loses what is removed, and says what would be skipped', async () => {
    expect(shown()).toContain('not connected: it is skipped');
    await click('Remove c/3');
    expect(chain()).toEqual(['a/1', 'b/2']);
    expect(shown()).not.toContain('it is skipped');
  });

  it('stays as it was when the server refuses, and says why', async () => {
    server.failures.changePreferences = new ApiError(
      { message: 'The disk is full.', code: 'internal', hint: '' },
      500
    );
    await click('Remove c/3');
    expect(screen.getByRole('alert').textContent).toContain('The disk is full.');
  });

  it('of a chat is its own, or the default', async () => {
    server.logs = { one: [] };
    await act(() => chatide.open('one'));
    act(() => chatide.connect('', 'fallback'));
    await settle();
    await click('Give this chat its own');
    expect(server.asked('changeChat')).toEqual([['one', { fallback: ['a/1', 'b/2', 'c/3'] }]]);
    act(() => server.tell({ type: 'fallback_chosen', n: 1, t: 1, models: ['a/1'] }));
    await settle();
    expect(screen.getByRole('group', { name: 'Chain of this chat' }).textContent).toContain('a/1');
    await click('Use the default');
    expect(server.asked('changeChat')[1]).toEqual(['one', { fallback: null }]);
  });
});

it('the default model is one that is picked', async () => {
  await open('fallback', provider('a', { ready: true }));
  await click('Change');
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'a/any-name' } });
  fireEvent.keyDown(screen.getByRole('combobox'), { key: 'Enter' });
  await settle();
  expect(server.asked('changePreferences')).toEqual([[{ default_model: 'a/any-name' }]]);
});

describe('a local model', () => {
  const model = (more: Partial<LocalModel>): LocalModel => ({
    ...{ id: 'q', label: 'Qwen', size: 400e6, license: 'Apache-2.0', source: '', done: 0 },
    ...{ context_window: 32768, state: 'absent', message: '', removable: false, own: false },
    ...more
  });

  it('is fetched, with its progress, and the download is cancelled', async () => {
    server.local = { ...server.local, models: [model({})] };
    await open('local');
    expect(shown()).toContain('400 MB · 33k context · Apache-2.0');
    server.local = {
      ...server.local,
      models: [model({ state: 'downloading', done: 100e6 })]
    };
    await click('Download');
    expect(server.asked('downloadLocalModel')).toEqual([['q']]);
    const bar = screen.getByRole('progressbar');
    expect(bar.getAttribute('aria-valuenow')).toBe('25');
    expect(bar.getAttribute('aria-valuetext')).toBe('100 MB of 400 MB');
    server.local = { ...server.local, models: [model({ state: 'partial', done: 100e6 })] };
    await click('Cancel');
    expect(button('Resume')).not.toBeNull();
  });

  it('is used with a click when it is there', async () => {
    server.local = { ...server.local, models: [model({ state: 'ready', removable: true })] };
    await open('local', provider('local', { group: 'local', ready: true, needs_key: false }));
    await click('Use it');
    expect(chatide.store.get()).toMatchObject({ page: 'chat', model: 'local/q' });
  });

  it('cannot be had without the extra: one command is named', async () => {
    server.local = {
      ...server.local,
      available: false,
      reason: 'Install it.',
      models: [model({})]
    };
    await open('local');
    expect(shown()).toContain('pip install "jupyter-chatide[local]"');
    expect(screen.queryByRole('button', { name: 'Download' })).toBeNull();
  });

  it('is a file of one’s own, by its path', async () => {
    await open('local');
    type(/^Add a GGUF/, '/models/a.gguf');
    await click('Add');
    expect(server.asked('addLocalModel')).toEqual([['/models/a.gguf']]);
  });
});

describe('the endpoint', () => {
  it('is switched on, and shows its address and what to write in a notebook', async () => {
    await open('endpoint');
    expect(shown()).not.toContain('openai_client');
    fireEvent.click(screen.getByRole('switch'));
    await settle();
    expect(server.asked('switchEndpoint')).toEqual([[true]]);
    expect(shown()).toContain('http://localhost/v1');
    expect(shown()).toContain('client = jupyter_chatide.openai_client()');
  });

  it('cannot be switched on where the administrator forbids it', async () => {
    server.endpoint = { ...server.endpoint, allowed: false };
    await open('endpoint');
    expect(screen.getByRole<HTMLInputElement>('switch').disabled).toBe(true);
    expect(shown()).toContain('does not allow it');
  });

  it('has tokens, each shown once, and revoked on a second click', async () => {
    await open('endpoint');
    await click('Create a token');
    type('Which program is it for?', 'My script');
    type('Budget in US dollars', '0.5');
    fireEvent.click(button('Create'));
    fireEvent.click(button('Creating…'));
    await settle();
    expect(server.asked('createToken')).toEqual([
      [{ label: 'My script', budget_cost: 0.5, budget_tokens: null, period: 'day', days: 30 }]
    ]);
    expect(shown()).toContain('the-secret');
    await click('Done');
    expect(shown()).not.toContain('the-secret');
    await click('Revoke My script');
    expect(server.asked('revokeToken')).toHaveLength(0);
    await click('Revoke now');
    expect(server.asked('revokeToken')).toEqual([['k1']]);
  });
});

describe('the usage', () => {
  const today = new Date().toISOString().slice(0, 10);
  const row = (day: string, model: string, cost: number | null) => ({
    ...{ day, provider: 'p', model, requests: 1, input_tokens: 1200, output_tokens: 300, cost },
    ...{ unknown: cost === null ? 1 : 0, uncounted: 0 }
  });

  it('says where tokens are unknown or only estimated, and shows no nought for them', async () => {
    const nothing = { input_tokens: null, output_tokens: null, uncounted: 1 };
    const totals = { ...nothing, requests: 1, cost: null, unknown: 1 };
    server.usage = {
      ...{ days: 30, rows: [{ ...row(today, 'cut', null), ...nothing }], totals },
      budget: {
        ...{ cost: null, tokens: 1000, period: 'day', spent_cost: 0, spent_tokens: 300 },
        ...{ estimated_tokens: 300, resets: 1.8e9 }
      }
    };
    await open('usage');
    expect(screen.getByText('cut').closest('tr')!.textContent).toBe(
      'cutpunknownunknowncost unknown'
    );
    expect(screen.getByRole('group', { name: 'Today' }).textContent).toContain('tokens unknown');
    expect(screen.getByRole('meter').getAttribute('aria-valuetext')).toBe(
      'about 300 tokens of 1k tokens'
    );
  });

  it('is told by day and model, and never calls nothing what is unknown', async () => {
    server.usage = {
      ...{ days: 30, rows: [row(today, 'dear', 0.25), row('2026-01-01', 'odd', null)] },
      totals: {
        requests: 2,
        input_tokens: 2400,
        output_tokens: 600,
        cost: 0.25,
        unknown: 1,
        uncounted: 0
      },
      budget: {
        ...{ cost: 1, tokens: null, period: 'day', spent_cost: 0.25, spent_tokens: 1500 },
        ...{ estimated_tokens: 0, resets: 1.8e9 }
      }
    };
    await open('usage');
    const sum = (name: string) => screen.getByRole('group', { name }).textContent;
    expect(sum('Today')).toBe('Today$0.251.2k in · 300 out1 request');
    expect(sum('Last 30 days')).toContain('$0.25 + unknown');
    const odd = screen.getByText('odd').closest('tr')!;
    expect(odd.textContent).toContain('cost unknown');
    expect(screen.getByRole('meter').getAttribute('aria-valuetext')).toBe('$0.25 of $1.00');
  });

  it('says that it could not be read, and reads it again', async () => {
    server.failures.usage = new ApiError({ message: 'Away.', code: 'offline', hint: '' }, 0);
    await open('usage');
    expect(screen.getByRole('alert').textContent).toContain('Away.');
    server.failures = {};
    await click('Try again');
    expect(shown()).toContain('Nothing was asked yet.');
  });
});

it('the sections are walked through with the arrow keys', async () => {
  await open('providers');
  fireEvent.keyDown(screen.getByRole('tab', { selected: true }), { key: 'ArrowRight' });
  await settle();
  const now = screen.getByRole('tab', { selected: true });
  expect(now.textContent).toBe('Fallback');
  expect(document.activeElement).toBe(now);
});
