// Tests by name, told on stdout as TAP.

/** Thrown by a test that the server cannot be asked for. */
export class Skip extends Error {}

// More than any single wait, so that the wait that failed says why.
const LONGEST = 60_000;

/** How long to wait for what must come. */
export const PATIENCE = 10_000;

export function within(promise, milliseconds, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

/** Runs the tests whose name contains `only`. `cleanUp` runs after each. */
export async function run(tests, only, cleanUp) {
  console.log("TAP version 14");
  let count = 0;
  for (const [name, test] of Object.entries(tests)) {
    if (!name.includes(only)) continue;
    count += 1;
    try {
      await within(test(), LONGEST, "the test did not end");
      console.log(`ok - ${name}`);
    } catch (why) {
      if (why instanceof Skip) {
        console.log(`ok - ${name} # SKIP ${why.message}`);
      } else {
        console.error(why);
        console.log(`not ok - ${name}\n${`${why.message || why}`.replace(/^/gm, "  # ")}`);
      }
    }
    await cleanUp();
  }
  console.log(`1..${count}`);
}
