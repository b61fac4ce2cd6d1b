"""A passkey in a real browser, with an authenticator that the browser itself plays (CDP)."""

import re

import pytest

from tests.browser.conftest import Window
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
WHO = "upper_reviewer"  # nobody else's browser: a second factor ends their other sessions


@pytest.fixture
def window(chromium, served):
    """Give a window of somebody who has a security key; passkeys want a name, not a number."""
    context = chromium.new_context(locale="zh-CN")
    context.set_default_timeout(20_000)
    address = served.address.replace("127.0.0.1", "localhost")
    window = Window(context.new_page(), context, address)
    window.watch()
    line = context.new_cdp_session(window.page)
    line.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    line.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    yield window
    context.close()
    assert not window.complaints


def give_password(window):
    window.open("/login")
    window.send(email=f"{WHO}@example.com", password=PASSWORD)


def test_a_passkey_is_set_up_used_and_removed(window):
    give_password(window)
    window.open("/settings/factors")
    window.follow("/wan-register")
    window.page.locator('main [name="name"]').fill("蓝色密钥")
    window.page.locator("main button.btn-primary").click()
    window.page.wait_for_url("**/settings/factors")  # the script has sent what the key said
    assert "蓝色密钥" in window.words

    window.page.locator("header summary").last.click()
    window.page.locator('form[action="/logout"] button').click()
    window.page.wait_for_url(f"{window.address}/")
    give_password(window)
    window.page.wait_for_url(re.compile("/wan-signin"))
    window.page.locator("main button.btn-primary").click()
    window.page.wait_for_url("**/work")

    window.open("/settings/factors")
    window.page.locator('form[action="/wan-delete"] button').click()
    window.page.wait_for_load_state()
    window.open("/settings/factors")
    assert "蓝色密钥" not in window.words
