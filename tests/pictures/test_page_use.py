"""What people do with the page, with a pointer and with the keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pictures.conftest import Show
from tests.pictures.make import page
from tests.pictures.platform import platform
from tests.unit.offline.make import from_to, intent, policy, profile, workload

OPEN = (
    "podSelector: {}, policyTypes: [Ingress, Egress], "
    "ingress: [{from: [{podSelector: {}}], ports: [{port: 81}]}], "
    "egress: [{to: [{podSelector: {}}], ports: [{port: 81}]}]"
)
SHOP = (
    profile()
    + "".join(map(workload, ("web", "api")))
    + "".join(workload(name, namespace="data") for name in ("db", "cache"))
    + intent(from_to("web", "api", "80, 443"), from_to("api", "data/db", "5432"))
    + intent(from_to("db", "cache", "6379"), namespace="data")
    + policy("door", OPEN)
)


@pytest.fixture
def shop(show: Show, tmp_path: Path) -> Page:
    return show(page(tmp_path, SHOP))


def node(name: str) -> str:
    return f'.node[aria-label^="{name},"]'


def chosen(shown: Page) -> list[str]:
    return shown.locator('[aria-pressed="true"] .name').all_inner_texts()


def test_a_click_on_a_workload_lists_what_connects_it(shop: Page) -> None:
    shop.click(node("web"))
    panel = shop.locator("#panel")
    expect(panel.locator("h2")).to_have_text("web")
    assert panel.locator("summary .end").all_inner_texts() == ["api", "api", "api"]
    assert panel.locator("summary .ports").all_inner_texts() == ["81", "80, 443", "81"]
    assert chosen(shop) == ["web"]


def test_a_connection_opened_in_the_panel_tells_its_why_rule_by_rule(shop: Page) -> None:
    shop.click(node("web"))
    shop.locator("#panel summary").first.click()
    why = shop.locator("#panel details[open] .why")
    expect(why).to_contain_text("Widened: possible, though the intent does not declare it.")
    expect(why).to_contain_text("Leaving shop/web: allowed")
    expect(why).to_contain_text("NetworkPolicy shop/door, egress[0] allows this")
    expect(why).to_contain_text("Entering shop/api: allowed")


def test_a_half_open_connection_says_what_to_add(shop: Page) -> None:
    shop.click(node("db"))
    shop.locator("#panel summary", has_text="half-open").click()
    expect(shop.locator("#panel pre")).to_contain_text("# SecurityIntent of namespace data")
    expect(shop.locator("#panel pre")).to_contain_text("from: {namespace: shop")


def test_a_click_on_a_line_tells_its_why_at_once(shop: Page) -> None:
    x, y = shop.locator('[data-kind="line"]:has(.half-open) .hit').evaluate(
        "e => { const p = e.getPointAtLength(e.getTotalLength() / 2).matrixTransform("
        "e.getScreenCTM()); return [p.x, p.y]; }"
    )
    shop.mouse.click(x, y)
    panel = shop.locator("#panel")
    expect(panel.locator("h2")).to_have_text("shop/api → data/db")
    expect(panel).to_contain_text("Entering data/db: denied")
    panel.get_by_role("button", name="data/db").click()
    expect(panel.locator("h2")).to_have_text("db")


def test_a_click_on_a_namespace_shows_its_findings_and_where_it_leads(shop: Page) -> None:
    shop.locator(".group > button", has_text="shop").click()
    panel = shop.locator("#panel")
    expect(panel.locator("h2")).to_have_text("shop")
    expect(panel).to_contain_text("error WidenedByForeign")
    expect(panel).to_contain_text("For the owner of namespace data.")
    panel.locator("details", has_text="data").first.locator("summary").first.click()
    expect(panel.locator("details details summary .end")).to_have_text(["shop/api → data/db"])


def test_search_tells_how_many_match_and_enter_goes_through_them(shop: Page) -> None:
    shop.keyboard.press("/")
    shop.keyboard.type("data/")
    expect(shop.locator("#said")).to_have_text("2 of 4 workloads match")
    assert shop.locator(".node.match .name").all_inner_texts() == ["cache", "db"]
    shop.keyboard.press("Enter")
    assert chosen(shop) == ["cache"]
    shop.keyboard.press("Enter")
    assert chosen(shop) == ["db"]
    shop.keyboard.press("Enter")
    assert chosen(shop) == ["cache"]
    shop.fill("#search", "nobody")
    expect(shop.locator("#said")).to_have_text("0 of 4 workloads match")


def test_a_filter_by_namespace_leaves_what_touches_it(shop: Page) -> None:
    shop.select_option("#only", label="data")
    visible = shop.locator(".node:visible .name").all_inner_texts()
    assert sorted(visible) == ["api", "cache", "db"]
    expect(shop.locator("#said")).to_have_text("3 workloads with data")
    assert shop.locator("#above .line.widened").count() == 0
    shop.select_option("#only", label="All namespaces")
    assert shop.locator(".node:visible").count() == 4


def test_the_legend_counts_each_kind_of_line_and_hides_it(shop: Page) -> None:
    widened = shop.locator("#legend label", has_text="widened")
    expect(widened.locator(".count")).to_have_text("2")
    assert shop.locator("#above .line.widened").count() == 2
    widened.locator("input").uncheck()
    assert shop.locator("#above .line.widened").count() == 0
    widened.locator("input").check()
    assert shop.locator("#above .line.widened").count() == 2


def test_all_can_be_done_with_the_keyboard_alone(shop: Page) -> None:
    shop.keyboard.press("Tab")
    assert shop.evaluate("document.activeElement.id") == "search"
    for _ in range(30):
        shop.keyboard.press("Tab")
        if shop.evaluate("!!document.activeElement.closest('#canvas')"):
            break
    focused = "document.activeElement.getAttribute('aria-label')"
    assert shop.evaluate(focused).startswith("data; profile restricted, Enforce")
    shop.keyboard.press("ArrowDown")
    first = shop.evaluate(focused)
    assert "Deployment in namespace" in first
    shop.keyboard.press("Enter")
    expect(shop.locator("#panel h2")).to_have_text(first.split(",")[0])
    shop.keyboard.press("Tab")
    assert shop.evaluate("document.activeElement.textContent") == "Close"
    while not shop.evaluate("document.activeElement.matches('summary')"):
        shop.keyboard.press("Tab")
    shop.keyboard.press("Enter")
    expect(shop.locator("#panel details[open] .half").first).to_be_visible()
    shop.keyboard.press("Escape")
    expect(shop.locator("#panel h2")).to_have_text("Overview")
    assert shop.evaluate(focused) == first


def test_arrow_keys_reach_every_workload_and_namespace(show: Show, tmp_path: Path) -> None:
    shown = show(page(tmp_path, platform(3, 4)))
    shown.focus('#canvas button[tabindex="0"]')
    focused = "document.activeElement.getAttribute('aria-label')"
    everything = set(
        shown.evaluate(
            "[...document.querySelectorAll('#canvas button')].map(each => each.ariaLabel)"
        )
    )
    start = shown.evaluate(focused)
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            shown.focus(f'#canvas button[aria-label="{here}"]')
            shown.keyboard.press(key)
            there = shown.evaluate(focused)
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    assert seen == everything


def test_the_picture_zooms_by_keys_buttons_and_wheel(shop: Page) -> None:
    def zoom() -> float:
        width = shop.locator("#canvas").evaluate("e => e.getBoundingClientRect().width")
        return float(width) / float(shop.locator("#canvas").evaluate("e => e.offsetWidth"))

    first = zoom()
    shop.focus('#canvas button[tabindex="0"]')
    shop.keyboard.press("+")
    assert zoom() == pytest.approx(first * 1.2)
    shop.click("#smaller")
    assert zoom() == pytest.approx(first)
    shop.mouse.move(500, 500)
    shop.keyboard.down("Control")
    shop.mouse.wheel(0, -300)
    shop.keyboard.up("Control")
    shop.wait_for_function(
        "before => document.getElementById('canvas').getBoundingClientRect().width > before",
        arg=first * shop.locator("#canvas").evaluate("e => e.offsetWidth"),
    )
    shop.keyboard.press("0")
    assert zoom() == pytest.approx(first)


def test_what_is_chosen_stays_in_sight_while_the_picture_grows(show: Show, large: str) -> None:
    shown = show(large)
    shown.click(node("reviews-api"))
    for _ in range(6):
        shown.click("#larger")
    box, view = (
        shown.locator(selector).bounding_box() for selector in (node("reviews-api"), "#view")
    )
    assert box
    assert view
    assert view["x"] <= box["x"] <= view["x"] + view["width"] - box["width"]
    assert view["y"] <= box["y"] <= view["y"] + view["height"] - box["height"]


def test_the_theme_follows_the_system_until_it_is_chosen(show: Show, tmp_path: Path) -> None:
    shown = show(page(tmp_path, SHOP), theme="dark")

    def brightness() -> int:
        found = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in found.strip("rgb()").split(","))

    assert brightness() < 150
    shown.click("#theme")
    expect(shown.locator("#theme")).to_have_text("Theme: light")
    assert brightness() > 600
    shown.emulate_media(color_scheme="light")
    shown.click("#theme")
    assert brightness() < 150
    shown.click("#theme")
    assert brightness() > 600


def test_what_nothing_restricts_is_counted_and_never_taken_for_no_connection(
    show: Show, tmp_path: Path
) -> None:
    shown = show(page(tmp_path, workload("web") + workload("api")))
    expect(shown.locator("#panel")).to_contain_text("2 workloads have traffic that no policy")
    expect(shown.locator("#legend .key .count")).to_have_text("2")
    assert shown.locator(".node.open").count() == 2
    expect(shown.locator(".group .held")).to_have_text("no intent · 2 not isolated")
    shown.click(node("web"))
    expect(shown.locator("#panel")).to_contain_text("Not isolated: no policy restricts its traffic")


def test_a_page_of_nothing_says_so(show: Show, tmp_path: Path) -> None:
    shown = show(page(tmp_path, ""))
    expect(shown.locator("#panel")).to_contain_text("0 workloads in 0 namespaces, 0 connections.")
