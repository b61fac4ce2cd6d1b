// A real OpenID provider for the tests: `node server.js ACCOUNTS REDIRECT_URI AFTER_LOGOUT`.
//
// ACCOUNTS: a JSON file, login -> claims, read anew at each sign-in, so that a test may change it.
// Says its issuer on the first line of standard output; ends when standard input does.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [accounts, redirectUri, afterLogout] = process.argv.slice(2);

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "redress",
        client_secret: "a secret of the tests",
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [afterLogout],
      },
    ],
    scopes: ["openid", "organisations"],
    claims: {
      openid: ["sub"],
      profile: ["name"],
      email: ["email", "email_verified"],
      organisations: ["organisations", "official"],
    },
    conformIdTokenClaims: false, // its claims stand in the identity token
    pkce: { required: () => true },
    cookies: { keys: ["of the tests"] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...JSON.parse(readFileSync(accounts, "utf8"))[id] }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.on("end", () => process.exit(0)).resume();
