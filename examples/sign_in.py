"""Sign in with the profile of `AWS_PROFILE` and show which accounts there are; the AWS CLI is signed in as well."""

from ssooidc_login import SsoSession

with SsoSession.from_profile() as session:
    session.login()
    for account in session.accounts():
        print(account.account_id, account.account_name)
