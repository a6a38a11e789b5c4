"""The tables in `cases/` match the files that they were made from: nothing is missing, and nothing is added.

The files are not part of the project, and the test skips if they are not there. Each function removes from a file what
a table should have, and returns it in the table's form; the rest of the file must be listed in `left_out.toml`.
"""

from __future__ import annotations

import copy
import json
import os
import re
import tomllib
from collections.abc import Iterator
from configparser import RawConfigParser
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

if TYPE_CHECKING:
    from tests.conftest import SignedCase

ROOT: Final = Path(__file__).parents[2]
LEFT_OUT: Final = Path(__file__).with_name("left_out.toml")
# Values of JSON and TOML; the functions below define their forms.
Json: TypeAlias = Any


@pytest.fixture(scope="module")
def sources() -> Path:
    """Return the folder of the source files."""
    named = os.environ.get("SSOOIDC_VECTORS")
    folder = (ROOT / (named or "../shared/vectors")).resolve()
    if not folder.is_dir():
        message = f"no sources of the tables at {folder}: SSOOIDC_VECTORS names their folder"
        if named:
            pytest.fail(message)
        pytest.skip(message)
    return folder


def compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def moved(source: Json, **names: str) -> dict[str, Any]:
    """Move members that exist out of the source, under the table's names."""
    return {ours: source.pop(theirs) for ours, theirs in names.items() if theirs in source}


def without_repeats(rows: list[Json]) -> list[Json]:
    return [row for index, row in enumerate(rows) if row not in rows[:index]]


def endpoints(source: Json) -> Json:
    by_region, others = [], []
    for case in source["testCases"]:
        asked, expected = case.pop("params", {}), case.pop("expect")
        fips, dual_stack = asked.pop("UseFIPS", False), asked.pop("UseDualStack", False)
        found = moved(asked, region="Region", endpoint="Endpoint")
        found |= moved(expected, error="error") or moved(expected.pop("endpoint"), url="url")
        assert not asked
        assert not expected
        if found.keys() == {"region", "url"}:
            by_region.append([found["region"], fips, dual_stack, found["url"]])
        else:
            switches = {"fips": fips, "dual_stack": dual_stack}
            others.append(found | {name: True for name, is_on in switches.items() if is_on})
    return {"by_region": by_region, "others": others}


def configured_endpoints(source: Json) -> Json:
    """Return each case with the settings of its profile, arguments and environment."""
    (suite,) = source["testSuites"]
    services, arguments = suite.pop("services"), suite.pop("client_configs")
    environments, profiles = suite.pop("environments"), suite["profiles"]
    settings = {
        name: moved(profile, endpoint_url="endpoint_url", services="services")
        | moved(profile, ignore_configured_endpoint_urls="ignore_configured_endpoint_urls")
        for name, profile in profiles.items()
        if name != "service_localhost_global_only"
    }
    for each in settings.values():
        if "services" in each:
            each["services"] = services[each["services"]]
    rows = []
    for case in suite["endpointUrlTests"]:
        url = case["output"].pop("endpointUrl")
        rows.append(
            [
                settings[case.pop("profile")],
                arguments[case.pop("client_config")],
                environments[case.pop("environment")],
                case.pop("service"),
                "" if url == "https://s3.fake-region-10.amazonaws.com" else url,
            ]
        )
    for kind, known in enumerate((settings, arguments, environments)):
        assert all(each in [row[kind] for row in rows] for each in known.values())
    return rows


def resolved_endpoints(table: Json) -> Json:
    """Return the same for the table, whose names differ from the source's."""
    settings: dict[str, Json] = {}
    for name, members in sections(table["config"]).items():
        kind, _, label = name.partition(" ")
        if kind == "profile":
            settings[label] = members
    services = {
        name.removeprefix("services "): {
            service: dict([each.split(" = ") for each in text.split("\n")[1:]])
            for service, text in members.items()
        }
        for name, members in sections(table["config"]).items()
        if name.startswith("services ")
    }
    for each in settings.values():
        if "services" in each:
            each["services"] = services[each["services"]]
    arguments, environments = table["arguments"], table["environments"]
    assert {row[1] for row in table["cases"]} == arguments.keys()
    assert {row[2] for row in table["cases"]} == environments.keys()
    return [
        [settings[profile], arguments[argument], environments[environment], service, url]
        for profile, argument, environment, service, url in table["cases"]
    ]


def sections(text: str) -> dict[str, dict[str, str]]:
    parser = RawConfigParser(delimiters="=")
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def config_grammar(source: Json) -> Json:
    rows = []
    for case in source["tests"]:
        texts, output = case["input"], case["output"]
        row = moved(texts, config="configFile", credentials="credentialsFile")
        row |= moved(output, error="errorContaining")
        if "config" in output:
            row |= moved(output["config"], profiles="profiles", sessions="sso_sessions")
        rows.append({name: value for name, value in row.items() if value or name == "profiles"})
    return {"cases": without_repeats(rows)}


def signatures(source: Json) -> Json:
    rows = []
    for case in source["cases"]:
        before, after = case.pop("request_headers_before"), case.pop("signed_headers_after")
        assert after["Authorization"] == case["authorization"]
        assert case.pop("method") == "POST"
        rows.append(
            (
                case.pop("url"),
                before,
                case.pop("body").encode(),
                {name: value for name, value in after.items() if name not in before},
                case.pop("access_key"),
                case.pop("secret_key"),
                case.pop("session_token"),
                case.pop("region"),
                case.pop("service"),
                case.pop("amz_date"),
            )
        )
        assert before.items() <= after.items()
    return rows


ENDS: Final = {
    "success": "success",
    "max_attempts_exceeded": "attempts used up",
    "quota_exceeded": "quota used up",
    "fail": "not repeated",
}


def retries(source: Json) -> Json:
    def step(told: Json) -> dict[str, Any]:
        response, expected = told.pop("response"), told.pop("expected")
        row = moved(response, status="status", code="code")
        row |= moved(response.pop("headers", {}), hint="x-amz-retry-after")
        if response.pop("exception", "") == "ReadTimeout":
            row["failure"] = "no answer in time"
        row |= moved(expected, quota="quota", wait="delay_s")
        outcome = expected.pop("outcome")
        assert (outcome == "retry") == ("wait" in row)
        assert not response
        assert not expected
        return row if outcome == "retry" else row | {"end": ENDS[outcome]}

    names = {"attempts": "max_attempts", "quota": "quota", "longest_wait": "max_backoff_s"}
    return {
        "cases": [
            moved(case["given"], **names)
            | {"calls": [[step(each) for each in steps] for steps in case.pop("operations")]}
            for case in source["cases"]
        ]
    }


def cache_keys(source: Json) -> Json:
    (case,) = source["registration_cache_key"].pop("cases")
    row = moved(case, start_url="startUrl", region="region", key="key")
    assert case == {"scopes": None, "session_name": None}
    token = {each["input"]: each["key"] for each in source["token_cache_key"].pop("cases")}
    return {"token": token, "registration": row}


def role_credentials(source: Json) -> Json:
    told = source["role_credentials_cache"]
    names = ("now", "start_url", "account_id", "role_name", "key")
    row = moved(told, **{name: name for name in names}, folder="dir")
    row |= moved(told, expiration_ms="portal_expiration_ms")
    return row | {"content": compact(told.pop("content"))}


def device_login(source: Json) -> Json:
    told = source["device_flow"]
    polls = []
    for each in told.pop("polling"):
        row = moved(each, refusals="errors", interval="interval", last_wait="last_sleep")
        if "interval" in row and row["interval"] is None:
            row["interval"] = "null"
        if each.pop("raises", None) == "PendingAuthorizationExpiredError":
            row["expires"] = True
        assert not each
        polls.append(row)
    files = told["cache_after"]
    return {
        "now": told.pop("now"),
        "polls": polls,
        "register": moved(told, request="register_request", answer="register_response"),
        "start": moved(told, answer="authorize_response"),
        "token": moved(told, answer="token_response") | {"file": files.pop("token")},
        "registration": {"file": files.pop("registration")},
    }


def start_urls(source: Json) -> Json:
    hosts, resolved = source["start_url_hosts"], []
    for each in source["start_url_resolution"]:
        row = moved(each, url="url", leads_to="redirects_to", error="error")
        row |= moved(each, region="configured_region", found_region="result_region")
        if row.get("region", "") is None:
            del row["region"]
        if "result" in each:
            row["found_url"], row["found_region"] = each.pop("result")
        resolved.append(row)
    found = moved(hosts, aws_owned="aws_owned", not_aws_owned="not_aws_owned")
    found |= moved(hosts, without_region="no_region_in_host")
    return found | {
        "resolved": resolved,
        "region_of": dict(hosts.pop("region_from_host")),
        "tidy": dict(hosts.pop("normalise")),
    }


def cache_files(source: Json) -> Json:
    rows, written = [], source["cache_file_write"]
    for case in source["cache_file_parse"]["cases"]:
        row = {"text": case.pop("raw") if "raw" in case else compact(case.pop("json"))}
        row |= moved(case, ends="expires_epoch", registration_ends="registration_expires_epoch")
        rows.append(row | ({"refused": True} if "error" in case else {}))
    token = written.pop("token")
    row = moved(written, session_name="key_input", file="file", text="bytes")
    row |= moved(token, access_token="accessToken", refresh_token="refreshToken")
    row |= moved(token, ends="expires_epoch", registration_ends="registration_expires_epoch")
    assert token.items() <= json.loads(row["text"]).items()
    return {"read": rows, "written": row}


REFUSALS: Final = {"TokenRetrievalError": "log in again", "SSOTokenLoadError": "unreadable"}
GO_FILES: Final = {
    None: {},
    "invalid_json.json": {"file": "broken"},
    "valid_token.json": {"file": "good"},
    "expired_token.json": {"file": "expired"},
}


def token_refresh(source: Json, provider: Json) -> Json:
    """Return the cases, without the files of the Go cases, which their source only names."""
    shared, moments = [], set()
    for case in provider["sso_provider_refresh_cases"]:
        moments.add(case.pop("currentTime"))
        row = moved(case, cached="cachedToken", answer="refreshResponse")
        row |= moved(case, written="expectedTokenWriteback", refused="expectedException")
        row |= moved(case.pop("expectedToken", {}), token="token", ends="expiration")
        if "refused" in row:
            row["refused"] = REFUSALS[row["refused"]]
        shared.append(row)
    (now,) = moments
    timings, go = source["refresh_timings"], []
    first, second, answer = timings.pop("responses")
    assert (first, second) == (500, 500)
    calls = [[each.pop(name) for name in ("t", "attempt", "token")] for each in timings["steps"]]
    for case in source["go_token_provider"]["cases"]:
        file = case.pop("file")
        lacks = re.fullmatch(r"missing_(\w+)\.json", file or "")
        if lacks:
            kind = "good" if lacks[1] in {"accessToken", "expiresAt"} else "expired"
            row = {"file": kind, "lacks": lacks[1]}
        else:
            row = dict(GO_FILES[file])
        row |= moved(case, answer="response", token="token", ends="expires", written="file_after")
        row |= {"fails": True} if "response_error" in case else {}
        row |= {"refused": True} if "error" in case else {}
        go.append(row)
    return {
        "shared": {"now": now, "cases": shared},
        "rust": {"cached": timings.pop("token"), "answer": answer, "calls": calls},
        "go": {"now": "2021-12-21T12:21:01Z", "cases": go},
    }


def sso_settings(source: Json, provider: Json) -> Json:
    resolved, by_form = [], []
    for case in provider["sso_provider_resolution_cases"]:
        config = case.pop("config")
        found = {
            f"{kind} {name}": members
            for kind, of in (("profile", "profiles"), ("sso-session", "sso_sessions"))
            for name, members in config.pop(of, {}).items()
        }
        outcome = "a session" if case.pop("resolves") else "nothing"
        if case.pop("expectedException", None):
            outcome = "refused"
        resolved.append({"config": found, "found": outcome})
    for case in source["c_auth_profile_cases"]["cases"]:
        form = "session" if "provider_sso_session" in case["test"] else "older"
        # Keys of a user, which are not used to sign in.
        text = re.sub(r"aws_(access_key_id|secret_access_key)=.*\n?", "", case.pop("config"))
        by_form.append({"config": sections(text), "form": form, **moved(case, valid="valid")})
    scopes = source["registration_scopes_setting"].pop("rows")
    return {"resolved": resolved, "by_form": by_form, "scopes": scopes}


def parsed_settings(table: Json) -> Json:
    for rows in (table["resolved"], table["by_form"]):
        for row in rows:
            row["config"] = sections(row["config"])
    return table


def recorded_answers(source: Json) -> Json:
    def names(lines: list[str]) -> list[str]:
        """Shorten the placeholders of values that differ each time."""
        return [line.partition(": <")[0] for line in lines]

    errors = []
    for each in source["oidc_errors"]:
        row = moved(each, status="status", body="body", type="errortype", known="confidence")
        row["operation"] = each.pop("op").partition("(")[0].partition(" / ")[0]
        # A name that the source does not give with certainty.
        row["type"] = row["type"].rstrip("?")
        row["known"] = row["known"].partition(" ")[0]
        row |= moved(each.pop("body_fields", {}), error="error")
        errors.append({name: value for name, value in row.items() if value is not None})
    start, portal = source["start_device_authorization"], source["portal"]
    forms = [
        moved(each, uri="uri", complete="complete") for each in start["verification_uri_forms"]
    ]
    answers = {
        name: {"status": told.pop("status"), "body": compact(told.pop("body"))}
        for name, told in (
            ("RegisterClient", source["register_client"]),
            ("StartDeviceAuthorization", start),
            ("CreateToken", source["create_token"]),
        )
    }
    no_session, no_access = portal["errors"]
    return {
        "oidc": {
            "headers": names(source["common_headers"].pop("success")),
            "errors": errors,
            "user_codes": start.pop("user_codes_observed"),
            "verification_uris": [list(form.values()) for form in forms],
            "answers": answers,
        },
        "portal": {
            "headers": names(portal.pop("headers")),
            "no_session": moved(no_session, status="status", body="body"),
            "no_access": moved(no_access, status="status", code="code", message="message"),
        },
    }


def sourceless(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: sourceless(each) for name, each in value.items() if name != "source"}
    return [sourceless(each) for each in value] if isinstance(value, list) else value


def shortened(value: Json) -> Json:
    """Shorten tokens, which no test needs in full."""
    if isinstance(value, dict):
        return {name: shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shortened(each) for each in value]
    return value[:96] if isinstance(value, str) else value


def model_examples(source: Json) -> Json:
    return {
        "cases": [
            {"operation": operation} | shortened(moved(each, request="input", answer="output"))
            for operation, cases in source.items()
            for each in cases
        ]
    }


def rest_json(source: Json, not_applicable: set[str]) -> Json:
    found: dict[str, list[Json]] = {
        "errors": [], "answers": [], "requests": [],
        "served_answers": [], "served_requests": [], "served_headers": [],
    }  # fmt: skip
    ids = set()
    for each in list(source["selected"]):
        ids.add(each["id"])
        if each.pop("id") in not_applicable:
            source["selected"].remove(each)
            continue
        kind, row = rest_json_case(each, each["case"])
        found[kind].append(row)
    assert not_applicable <= ids
    return {kind: without_repeats(rows) for kind, rows in found.items()}


def rest_json_case(told: Json, case: Json) -> tuple[str, dict[str, Any]]:
    """Return one case of the protocol, and the part of the table where it belongs."""
    is_answer = told.pop("kind") == "httpResponseTests"
    operation, is_served = told.pop("operation"), case.pop("appliesTo", "") == "server"
    text, members = case.pop("body", ""), case.pop("params", None)
    body = {"body": compact(json.loads(text))} if text else {}
    row = moved(case, headers="headers", query="queryParams", host="host")
    row |= moved(case, no_headers="forbidHeaders", no_query="forbidQueryParams")
    if not is_answer:
        asked = moved(case, method="method", path="uri")
        if not is_served:
            given = {"given": compact(members)} if members else {}
            return "requests", {"operation": operation, **asked, **row, **body, **given}
        if operation == "OperationWithDefaults":
            served = {"operation": operation, "members": compact(members)}
            return "served_requests", served | body
        return "served_headers", {"operation": operation, **row}
    status = case.pop("code")
    if status != 200:
        message = {"message": members["Message"]} if "Message" in (members or {}) else {}
        return "errors", {"error": operation, "status": status, **row, **body, **message}
    if is_served:
        return "served_answers", {"operation": operation, "given": compact(members)} | body
    told_members = {} if members is None else {"members": compact(members)}
    return "answers", {"operation": operation, **row, **body, **told_members}


NUMBERS: Final = {"integer": "number", "long": "number"}


class Model:
    """A service in its Smithy model."""

    def __init__(self, source: Json) -> None:
        shapes = {name.partition("#")[2]: shape for name, shape in source["shapes"].items()}
        for shape in shapes.values():
            members = shape["members"].values() if "members" in shape else ()
            for each in (shape, *members):
                # A trait without a value is an empty object, of which nothing would be left.
                traits = each.get("traits", {})
                each["traits"] = {name: value or True for name, value in traits.items()}
        self.types = {name: shape.pop("type") for name, shape in shapes.items()}
        self.items = {
            name: shape.pop("member") for name, shape in shapes.items() if "member" in shape
        }
        self.sensitive = {
            name for name, shape in shapes.items() if has(shape["traits"], "sensitive")
        }
        self.shapes = shapes

    def of_type(self, kind: str) -> dict[str, Json]:
        return {name: shape for name, shape in self.shapes.items() if self.types[name] == kind}

    def kind(self, name: str) -> str:
        if self.types[name] == "list":
            return f"list of {self.kind(target(self.items[name]))}"
        return name if self.types[name] == "structure" else NUMBERS.get(self.types[name], "string")

    def member(self, reference: Json) -> str:
        name = target(reference)
        del reference["target"]
        marks = [self.kind(name)]
        marks += ["required"] if has(reference["traits"], "required") else []
        marks += ["sensitive"] if name in self.sensitive else []
        return ", ".join(marks)

    def operation(self, shape: Json) -> dict[str, Any]:
        http = shape["traits"].pop("smithy.api#http")
        assert http["code"] == 200
        signed = not has(shape["traits"], "optionalAuth")
        return {"http": f"{http['method']} {http['uri']}", "signed": signed}

    def error(self, shape: Json) -> list[int | str]:
        """Return the status, and the OAuth code in the description of the member `error`."""
        told = shape["members"].get("error", {"traits": {}})["traits"]
        code = re.findall(r"<code>(\w+)</code>", told.get("smithy.api#documentation", ""))
        return [shape["traits"].pop("smithy.api#httpError"), *code]

    def reason(self, member: Json) -> str:
        assert member.pop("target") == "smithy.api#Unit"
        return str(member["traits"].pop("smithy.api#enumValue"))

    def table(self) -> Json:
        operations, structures = self.of_type("operation"), self.of_type("structure")
        found = {
            "operations": {name: self.operation(shape) for name, shape in operations.items()},
            "raises": {
                name: [target(each) for each in shape.pop("errors")]
                for name, shape in operations.items()
            },
            "errors": {
                name: self.error(shape)
                for name, shape in structures.items()
                if "smithy.api#httpError" in shape["traits"]
            },
            "reasons": {
                name.removesuffix("Reason"): list(map(self.reason, shape["members"].values()))
                for name, shape in self.of_type("enum").items()
            },
            "structures": {
                name: {each: self.member(member) for each, member in shape["members"].items()}
                for name, shape in structures.items()
            },
        }
        return {name: each for name, each in found.items() if each}


def target(reference: dict[str, str]) -> str:
    return reference["target"].partition("#")[2]


def has(traits: dict[str, Any], name: str) -> bool:
    """Remove a trait without a value, and return whether it existed."""
    return traits.pop(f"smithy.api#{name}", None) is not None


def nameless(value: Json) -> Json:
    """Return a table without the names of its rows, which the source does not have."""
    if isinstance(value, dict):
        return {name: nameless(each) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    rows = [nameless(each) for each in value]
    for row in rows:
        if isinstance(row, dict):
            row.pop("name", None)
    return rows


def left_of(value: Json, path: str = "") -> Iterator[str]:
    """Yield the path of each remaining value of a source."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in pairs:
            yield from left_of(each, f"{path}/{name}" if path else str(name))
    elif not isinstance(value, dict | list):
        yield path


def is_under(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) >= len(wanted) and all(
        want in {"*", part} for part, want in zip(parts, wanted, strict=False)
    )


def test_the_tables_say_what_their_sources_say(
    sources: Path, case_tables: dict[str, Any], signed_cases: list[SignedCase]
) -> None:
    files = {
        str(path.relative_to(sources)): json.loads(path.read_text(encoding="utf-8"))
        for path in sources.glob("*/*.json")
    }
    tables = copy.deepcopy(case_tables)
    for table in tables.values():
        del table["sources"]
    across, provider = files["sso/cross-sdk-tables.json"], files["sso/token-provider-cases.json"]
    not_applicable = set(tables["rest-json"].pop("not_applicable"))
    expected: dict[str, Json] = {
        "endpoints": endpoints(files["endpoints/sso-oidc.endpoint-tests.json"]),
        "configured-endpoints": configured_endpoints(
            files["endpoints/configured-endpoint-urls.json"]
        ),
        "config-grammar": config_grammar(files["config/profile-parser-tests.json"]),
        "signatures": signatures(files["sigv4/create-token-with-iam.json"]),
        "retries": retries(files["retry/standard-2.1.json"]),
        "cache-keys": cache_keys(across),
        "role-credentials": role_credentials(across),
        "device-login": device_login(across),
        "start-urls": start_urls(across),
        "cache-files": cache_files(across),
        "token-refresh": token_refresh(across, provider),
        "sso-settings": sso_settings(across, provider),
        "recorded-answers": recorded_answers(files["real/real-responses.json"]),
        "model-examples": model_examples(files["model/sso-oidc.examples.json"]),
        "rest-json": rest_json(files["protocol/restjson1-applicable.json"], not_applicable),
        "model-sso-oidc": Model(files["model/sso-oidc.smithy.json"]).table(),
        "model-sso": Model(files["model/sso-portal.smithy.json"]).table(),
    }
    tables["configured-endpoints"] = resolved_endpoints(tables["configured-endpoints"])
    tables["recorded-answers"] = sourceless(tables["recorded-answers"])
    tables["sso-settings"] = parsed_settings(tables["sso-settings"])
    tables["signatures"] = [
        (*case[:-1], case.moment.strftime("%Y%m%dT%H%M%SZ")) for case in signed_cases
    ]
    del tables["token-refresh"]["go"]["files"]
    assert tables.keys() == expected.keys()
    for name, table in tables.items():
        assert nameless(table) == expected[name], name

    left_out = tomllib.loads(LEFT_OUT.read_text(encoding="utf-8"))
    for file, source in files.items():
        patterns = {each for of in left_out if fnmatch(file, of) for each in left_out[of]}
        left = set(left_of(source))
        used = {pattern for pattern in patterns if any(is_under(path, pattern) for path in left)}
        assert patterns - used == set(), file
        assert {path for path in left if not any(is_under(path, each) for each in patterns)} == (
            set()
        ), file
    assert all(any(fnmatch(file, of) for file in files) for of in left_out)
