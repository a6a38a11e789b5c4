// Sign in with a device code, which the test approves, and refresh: device_login.mjs START_URL
import {
  AuthorizationPendingException,
  CreateTokenCommand,
  RegisterClientCommand,
  SSOOIDCClient,
  StartDeviceAuthorizationCommand,
} from "@aws-sdk/client-sso-oidc";

const client = new SSOOIDCClient({ region: "us-east-1" });
const { clientId, clientSecret } = await client.send(
  new RegisterClientCommand({
    clientName: "javascript",
    clientType: "public",
    scopes: ["sso:account:access"],
  }),
);
const device = await client.send(
  new StartDeviceAuthorizationCommand({ clientId, clientSecret, startUrl: process.argv[2] }),
);
const poll = new CreateTokenCommand({
  clientId,
  clientSecret,
  grantType: "urn:ietf:params:oauth:grant-type:device_code",
  deviceCode: device.deviceCode,
});
let pending;
try {
  await client.send(poll);
} catch (error) {
  if (!(error instanceof AuthorizationPendingException)) throw error;
  pending = error;
}
const token = await client.send(poll);
const refreshed = await client.send(
  new CreateTokenCommand({
    clientId,
    clientSecret,
    grantType: "refresh_token",
    refreshToken: token.refreshToken,
  }),
);
const { userCode, verificationUri, verificationUriComplete, expiresIn, interval } = device;
console.log(
  JSON.stringify({
    device: { userCode, verificationUri, verificationUriComplete, expiresIn, interval },
    pending: { name: pending.name, error: pending.error, fault: pending.$fault },
    members: Object.keys(token).sort(),
    tokenType: token.tokenType,
    expiresIn: token.expiresIn,
    isNew: token.accessToken !== refreshed.accessToken,
  }),
);
