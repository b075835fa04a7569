/** The types that cross the border to the server, as its OpenAPI file describes them. */
import type { components } from '../schema';

type Schemas = components['schemas'];

export type AnyEvent = Schemas['Event'];
/** The event of one type. */
export type EventOf<T extends AnyEvent['type']> = Extract<AnyEvent, { type: T }>;
export type RunOutputEvent = Schemas['RunOutput'];
export type ErrorInfo = Schemas['ErrorInfo'];
export type RunError = Schemas['RunError'];
export type ActionKind = Schemas['ActionOpened']['kind'];
export type Mode = Schemas['TurnStarted']['mode'];
export type ChatInfo = Schemas['ChatInfo'];
export type ProviderStatus = Schemas['ProviderStatus'];
export type ProviderList = Schemas['ProviderList'];
export type ExamplePrompt = Schemas['ExamplePrompt'];
export type ModelInfo = Schemas['ModelInfo'];
export type KeyStatus = Schemas['KeyStatus'];
export type KeyCheck = Schemas['KeyCheck'];
export type SandboxReport = Schemas['SandboxReport'];
export type KeyPlace = ProviderList['key_places'][number];
export type OptionStatus = Schemas['OptionStatus'];
export type CustomProvider = Schemas['CustomProvider'];
export type PreferencesStatus = Schemas['PreferencesStatus'];
export type PreferencesChange = Schemas['PreferencesChange'];
export type UsageStatus = Schemas['UsageStatus'];
export type UsageRow = Schemas['UsageRow'];
export type UsageTotals = Schemas['UsageTotals'];
export type BudgetStatus = Schemas['BudgetStatus'];
export type EndpointStatus = Schemas['EndpointStatus'];
export type TokenStatus = Schemas['TokenStatus'];
export type NewToken = Schemas['NewToken'];
export type CreatedToken = Schemas['CreatedToken'];
export type LocalModel = Schemas['LocalModel'];
export type LocalModelList = Schemas['LocalModelList'];
export type Serving = Schemas['Serving'];
export type ChatChange = Schemas['ChatChange'];
export type ResumeTurn = Schemas['ResumeTurn'];
export type ReplyContinuedEvent = EventOf<'reply_continued'>;
export type NewTurn = Schemas['NewTurn'];
export type SetKey = Schemas['SetKey'];
export type OpenedPreview = Schemas['OpenedPreview'];
