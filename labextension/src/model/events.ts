/** The types that cross the border to the server, as its OpenAPI file describes them. */
import type { components } from '../schema';

type Schemas = components['schemas'];

export type AnyEvent = Schemas['Event'];
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
export type NewTurn = Schemas['NewTurn'];
export type SetKey = Schemas['SetKey'];
export type OpenedPreview = Schemas['OpenedPreview'];
