// What people do with a client built on @xmpp/client.
//
// The environment must have NODE_EXTRA_CA_CERTS with the path that the argument calls `ca`: the library passes no
// certificates of its own to Node's TLS.

import { basic } from "./basic.mjs";
import { extensions } from "./extensions.mjs";
import { later } from "./later.mjs";
import { run } from "./tap.mjs";
import { closeAll, told } from "./user.mjs";

if (process.env.NODE_EXTRA_CA_CERTS !== told.ca) {
  console.error(`start this with NODE_EXTRA_CA_CERTS=${told.ca}`);
  process.exit(2);
}
// The library leaves promises behind that nobody waits for, and stumbles over what comes after the end of a stream. What
// fails is told by what is waited for.
for (const event of ["unhandledRejection", "uncaughtException"]) process.on(event, (why) => console.error(event, why));
await run({ ...basic, ...extensions, ...later }, told.only, closeAll);
process.exit();
