// Call one operation with the input in a file, and print the response as JSON: call.mjs OPERATION FILE
import * as sdk from "@aws-sdk/client-sso-oidc";
import { readFileSync } from "node:fs";

const [operation, file] = process.argv.slice(2);
const client = new sdk.SSOOIDCClient({});
const command = new sdk[`${operation}Command`](JSON.parse(readFileSync(file, "utf8")));
try {
  const { $metadata, ...answer } = await client.send(command);
  console.log(JSON.stringify(answer));
} catch (error) {
  console.log(JSON.stringify({ error: error.name }));
}
