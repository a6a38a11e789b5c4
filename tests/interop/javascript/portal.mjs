// List accounts and roles page by page, and sign out: portal.mjs PROFILE
import {
  LogoutCommand,
  paginateListAccounts,
  paginateListAccountRoles,
  SSOClient,
  UnauthorizedException,
} from "@aws-sdk/client-sso";
import { fromSso } from "@aws-sdk/token-providers";

const { token: accessToken } = await fromSso({ profile: process.argv[2] })();
const client = new SSOClient({ region: "us-east-1" });
const accounts = [];
for await (const page of paginateListAccounts({ client, pageSize: 1 }, { accessToken })) {
  accounts.push(...page.accountList);
}
const roles = [];
const { accountId } = accounts[0];
for await (const page of paginateListAccountRoles({ client, pageSize: 1 }, { accessToken, accountId })) {
  roles.push(...page.roleList);
}
await client.send(new LogoutCommand({ accessToken }));
let after;
try {
  for await (const _ of paginateListAccounts({ client }, { accessToken })) break;
} catch (error) {
  if (!(error instanceof UnauthorizedException)) throw error;
  after = { name: error.name, message: error.message, status: error.$metadata.httpStatusCode };
}
console.log(JSON.stringify({ accounts, roles, after }));
