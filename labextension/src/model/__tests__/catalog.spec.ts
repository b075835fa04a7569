import { FakeServer } from '../../__tests__/fakeApi';
import { ModelCatalog } from '../catalog';

describe('the catalog of models', () => {
  it('forgets what was asked for with a key that has changed since', async () => {
    const server = new FakeServer();
    const catalog = new ModelCatalog(server.api);
    server.failures.models = new Error('The key is wrong.');
    const before = catalog.load('openai');
    catalog.forget('openai');
    delete server.failures.models;
    await Promise.all([catalog.load('openai'), before]);
    expect(catalog.listing('openai')).toMatchObject({ loading: false, problem: null });
    expect(catalog.listing('openai').models).toHaveLength(2);
  });

  it('shows nothing of a list that arrives after its key has changed', async () => {
    const catalog = new ModelCatalog(new FakeServer().api);
    const before = catalog.load('openai');
    catalog.forget('openai');
    await before;
    expect(catalog.listing('openai').models).toEqual([]);
  });
});
