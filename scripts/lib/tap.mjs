const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
const green = (text) => paint(32, text);
const red = (text) => paint(31, text);
const grey = (text) => paint(90, text);

/** A test that cannot run here logs its reason as `t.log('skipped: …')` and returns; it counts as skipped. */
const skipLog = /^skipped: /;

/**
 * Reads ava's TAP line by line and prints it for people. `results()` counts what was seen; a todo is a skip.
 * (ava's own summary counts a todo as a failure.)
 */
export function tapReader(print) {
  const failures = [];
  let passed = 0;
  let skipped = 0;
  let current;

  const finish = () => {
    if (!current) return;
    const { state, title, logs, details } = current;
    current = undefined;
    const reason = logs.find((log) => skipLog.test(log));
    if (state === 'skipped' || (state === 'passed' && reason)) {
      skipped++;
      print(`  - ${title} ${grey(`(${reason ?? 'skipped'})`)}`);
      return;
    }
    if (state === 'passed') passed++;
    else failures.push({ title, details });
    print(state === 'passed' ? `  ${green('✔')} ${title}` : `  ${red('✖')} ${title}`);
    for (const log of logs) print(grey(`      ${log}`));
    for (const detail of details) print(`    ${detail}`);
  };

  return {
    line(line) {
      const test = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO).*)?$/.exec(line);
      if (test) {
        finish();
        const [, not, title, directive] = test;
        current = { state: directive ? 'skipped' : not ? 'failed' : 'passed', title, logs: [], details: [] };
      } else if (current && line.startsWith('#   ')) {
        current.logs.push(line.slice(4));
      } else if (current && /^ {2}/.test(line)) {
        if (!/^ {2}(---|\.\.\.)$/.test(line)) current.details.push(line);
      } else if (line.startsWith('1..')) {
        finish();
      }
    },
    results() {
      finish();
      return { passed, failed: failures.length, skipped, failures: failures.map(({ title }) => title) };
    },
  };
}

/** Adds up the `test result:` lines of `cargo test`. */
export function cargoReader() {
  const counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  return {
    line(line) {
      const result = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/.exec(line);
      if (result) {
        counts.passed += Number(result[1]);
        counts.failed += Number(result[2]);
        counts.skipped += Number(result[3]);
      }
      const failure = /^test (.*) \.\.\. FAILED$/.exec(line);
      if (failure) counts.failures.push(failure[1]);
    },
    results: () => counts,
  };
}
