// Tries to log in without the authority that signed the server's certificate, and prints what came of it. A process of
// its own: Node reads NODE_EXTRA_CA_CERTS only at its start.

import { closeAll, User } from "./user.mjs";

for (const directTls of [false, true]) {
  const outcome = await new User("romeo", { directTls }).logIn().then(
    () => "logged in",
    (why) => why.code ?? why.message,
  );
  console.log(outcome);
}
await closeAll();
process.exit();
