"""Sign in with the profile of `AWS_PROFILE` and list the accounts; the AWS CLI is then signed in as well."""

from ssooidc_login import SsoSession

with SsoSession.from_profile() as session:
    session.login()
    for account in session.accounts():
        print(account.account_id, account.account_name)
