import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Api, ApiError, explain } from '../api';

interface IAnswer {
  status?: number;
  body?: unknown;
  text?: string;
}

function server(answer: IAnswer | Error, trans?: TranslationBundle) {
  const requests: { url: string; method: string; body: unknown }[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://hub.example/user/ann/',
    wsUrl: 'ws://hub.example/user/ann/',
    token: 's e',
    appendToken: true,
    fetch: async (input: RequestInfo | URL) => {
      const request = input as Request;
      const body = await request.text();
      requests.push({
        url: request.url.replace(/[?&]\d+$/, ''), // without what keeps caches away
        method: request.method,
        body: body ? JSON.parse(body) : undefined
      });
      if (answer instanceof Error) {
        throw answer;
      }
      const { status = 200, body: json, text = JSON.stringify(json) } = answer;
      return new Response(status === 204 ? null : text, { status });
    }
  });
  return { api: new Api(settings, trans), requests };
}

describe('the API client', () => {
  it('asks under the base URL of the server', async () => {
    const { api, requests } = server({ body: { chats: [] } });
    expect(await api.chats('a b')).toEqual([]);
    expect(requests[0].url).toBe('http://hub.example/user/ann/api/chatide/chats?search=a%20b');
  });

  it('starts a turn', async () => {
    const { api, requests } = server({ status: 201, body: { turn: 't1' } });
    const turn = { prompt: 'Plot', model: 'demo/demo', mode: 'build' as const, key: 'k' };
    expect(await api.startTurn('c1', turn)).toBe('t1');
    expect(requests[0]).toMatchObject({ method: 'POST', body: turn });
    expect(requests[0].url).toMatch(/chats\/c1\/turns$/);
  });

  it('sends a key, and asks for nothing back but its status', async () => {
    const { api, requests } = server({ body: { set: true, source: 'file', hint: '…x' } });
    await api.setKey('openai', { key: 'sk', base_url: null });
    expect(requests[0]).toMatchObject({ method: 'PUT', body: { key: 'sk', base_url: null } });
  });

  it('reads a log line by line', async () => {
    const { api } = server({ text: '{"n":1}\n{"n":2}\n' });
    expect((await api.log('c1')).map(({ n }) => n)).toEqual([1, 2]);
  });

  it('reads no body where there is none', async () => {
    const { api } = server({ status: 204 });
    await expect(api.stop('c1')).resolves.toBeUndefined();
  });

  it('says what the server says of an error', async () => {
    const info = { message: 'It is taken.', code: 'conflict', hint: 'Wait.' };
    const { api } = server({ status: 409, body: info });
    const error = await api.stop('c1').catch(reason => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ info, status: 409 });
    expect(explain(error)).toEqual(info);
  });

  it('has a sentence for an answer of a proxy', async () => {
    const { api } = server({ status: 503, text: '<html>' });
    const error = await api.chats().catch(reason => reason);
    expect(explain(error)).toMatchObject({ code: 'http_503' });
  });

  it('has a sentence for a server that is away', async () => {
    const { api } = server(new TypeError('Failed to fetch'));
    const error = await api.chats().catch(reason => reason);
    expect(explain(error)).toMatchObject({ code: 'offline' });
  });

  it('says in the person’s language what no server could say', async () => {
    const trans: TranslationBundle = Object.create(nullTranslator.load(''), {
      __: { value: (text: string) => `(${text})` }
    });
    for (const answer of [new TypeError('Failed to fetch'), { status: 404, text: '<html>' }]) {
      const { message, hint } = explain(
        await server(answer, trans)
          .api.chats()
          .catch(reason => reason)
      );
      for (const text of [message, hint]) {
        expect(text).toMatch(/^\(.+\)$/);
      }
    }
  });

  it('has a turn go on, and changes what only it may', async () => {
    const { api, requests } = server({ body: {} });
    await api.resumeTurn('c1', 't1', { how: 'continue' });
    await api.changeChat('c1', { fallback: null });
    await api.usage(30, 'c 1');
    await api.revokeToken('k/1');
    expect(
      requests.map(({ method, url, body }) => [method, url.split('chatide/')[1], body])
    ).toEqual([
      ['POST', 'chats/c1/turns/t1/resume', { how: 'continue' }],
      ['PATCH', 'chats/c1', { fallback: null }],
      ['GET', 'usage?days=30&chat=c%201', undefined],
      ['DELETE', 'endpoint/tokens/k%2F1', undefined]
    ]);
  });

  it('gives the address of events after the last one seen, with the token as Lab does', () => {
    const { api } = server({});
    expect(api.eventsUrl('c1', 7)).toBe(
      'ws://hub.example/user/ann/api/chatide/chats/c1/events?after=7&token=s%20e'
    );
  });

  it('keeps the slashes of a workspace path', () => {
    const { api } = server({});
    expect(api.fileUrl('c1', 'a b/c#.png')).toBe(
      'http://hub.example/user/ann/api/chatide/chats/c1/workspace/a%20b/c%23.png'
    );
  });
});
