// Call each operation once for each of these errors: errors.mjs JSON
// The argument is [[operation, input, [name of an error, ...]], ...]; the emulator raises them in this order.
import * as portal from "@aws-sdk/client-sso";
import * as oidc from "@aws-sdk/client-sso-oidc";

const config = {
  region: "us-east-1",
  maxAttempts: 1,
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret-of-a-test" },
};
const clients = [
  [portal, new portal.SSOClient(config)],
  [oidc, new oidc.SSOOIDCClient(config)],
];
const seen = [];
for (const [operation, input, names] of JSON.parse(process.argv[2])) {
  const [sdk, client] = clients.find(([sdk]) => `${operation}Command` in sdk);
  for (const name of names) {
    try {
      await client.send(new sdk[`${operation}Command`](input));
      seen.push([operation, null]);
    } catch (error) {
      seen.push([
        operation,
        error.name,
        error instanceof sdk[name],
        error.error,
        error.error_description ?? error.message,
        error.$metadata.httpStatusCode,
      ]);
    }
  }
}
console.log(JSON.stringify(seen));
