import { join } from 'node:path';
import { alertRules } from './alerts.js';
import { dashboard } from './dashboard.js';
import { picture } from './picture.js';
import { readRecording } from './record.js';

export const folder = join(import.meta.dirname, '..', '..', 'docs', 'monitoring');
/** What a run showed, for the pictures. */
export const RECORDING = 'recording.json';

/** What there is in docs/monitoring beside the recording, by name. */
export function files(): Record<string, string> {
  const recording = readRecording(join(folder, RECORDING));
  return {
    'dashboard.json': `${JSON.stringify(dashboard(), null, 2)}\n`,
    'alerts.yml': alertRules(),
    'dashboard-light.svg': picture(recording, 'light'),
    'dashboard-dark.svg': picture(recording, 'dark'),
  };
}
