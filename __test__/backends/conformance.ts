export { type BackendTraits as Traits, until } from '../../src/testing/behaviour.js';
export { behaviours } from '../../src/testing/conformance.js';
