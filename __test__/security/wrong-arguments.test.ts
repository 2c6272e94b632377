import { inspect } from 'node:util';
import test from 'ava';
import { ConfigurationError, KeyError } from '../../index.js';
import { type Parameter, publicParameters } from '../support/public-parameters.js';
import { cacheParameters } from '../support/public-parameters-cache.js';
import { providerParameters } from '../support/public-parameters-providers.js';
import { forms, shownIn } from '../support/secret-forms.js';
import { sentinel, type WrongValue } from '../support/wrong-values.js';

const echoes = forms(Buffer.from(sentinel));
let calls = 0;

async function refusalOf({ call }: Parameter, { value }: WrongValue): Promise<unknown> {
  calls++;
  try {
    await call(value as never);
  } catch (error) {
    return error;
  }
  return undefined;
}

/** What each wrong argument may be answered with; a key or an option that is missing has a class of its own. */
const isRefusal = (error: unknown) =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof KeyError ||
  error instanceof ConfigurationError;

const parameters = [...publicParameters, ...cacheParameters, ...providerParameters];

for (const parameter of parameters) {
  const { name, wrong: wrongValues } = parameter;
  test.serial(`${name} refuses ${wrongValues.length} wrong values and repeats none of them`, async (t) => {
    const accepted: string[] = [];
    for (const wrong of wrongValues) {
      const error = await refusalOf(parameter, wrong);
      if (!isRefusal(error)) {
        accepted.push(`${wrong.name}: ${error === undefined ? 'accepted' : inspect(error)}`);
        continue;
      }
      const { message, stack } = error as Error;
      t.deepEqual(shownIn(`${message}\n${stack}\n${inspect(error, { showHidden: true })}`, echoes), [], wrong.name);
      // What V8 says of its own accord means that nobody checked.
      t.notRegex(message, /Cannot (read|convert|mix)|is not (a function|iterable)|undefined \(/, wrong.name);
    }
    t.deepEqual(accepted, []);
  });
}

test.serial('at least 600 calls were made', (t) => {
  t.log(`${calls} calls with wrong arguments`);
  t.true(calls >= 600);
});
