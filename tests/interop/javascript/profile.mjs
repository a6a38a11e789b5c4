// Print a profile's token or credentials as JSON: profile.mjs token|credentials PROFILE
import { fromSSO } from "@aws-sdk/credential-provider-sso";
import { fromSso } from "@aws-sdk/token-providers";

const [what, profile] = process.argv.slice(2);
const provide = { token: fromSso, credentials: fromSSO }[what]({ profile });
try {
  console.log(JSON.stringify(await provide()));
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message }));
}
