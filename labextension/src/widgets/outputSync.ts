/** Carries a run's outputs into the model of Lab's output area, at the cost of what is new. */
import type { IOutput, IStream } from '@jupyterlab/nbformat';
import type { IOutputAreaModel } from '@jupyterlab/outputarea';
import type { IRunOutput } from '../model/chat';

export class OutputSync {
  constructor(private readonly model: IOutputAreaModel) {}

  /** Show these outputs; those already shown are not touched. */
  show(outputs: readonly IRunOutput[]): void {
    if (this.shown.some((old, index) => old.id !== outputs[index]?.id)) {
      this.model.clear();
      this.shown = [];
    }
    outputs.forEach((next, index) => {
      const old = this.shown[index];
      if (!old) {
        this.model.add(next.output);
      } else if (old.output !== next.output) {
        this.change(index, old.output, next.output);
      }
    });
    this.shown = outputs;
  }

  private change(index: number, old: IOutput, next: IOutput): void {
    const before = textOf(old);
    const after = textOf(next);
    const last = index === this.model.length - 1;
    if (last && before !== null && after?.startsWith(before)) {
      // Lab appends to a stream that is its last output.
      this.model.add({ ...next, text: after.slice(before.length) });
    } else {
      this.model.set(index, next);
    }
  }

  private shown: readonly IRunOutput[] = [];
}

function textOf(output: IOutput): string | null {
  if (output.output_type !== 'stream') {
    return null;
  }
  const { text } = output as IStream;
  return typeof text === 'string' ? text : text.join('');
}
