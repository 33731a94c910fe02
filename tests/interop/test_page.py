"""The page of the admin endpoint in Chromium: both widths, light and dark, by keyboard, with and without scripts."""

import contextlib
import http.server
import importlib.util
import os
import pathlib
import re
import shutil
import tempfile
import threading
import unittest
import urllib.request

import dgramtest

SHOTS = pathlib.Path(dgramtest.BUILD, "page")

# What a text stands on is the first background behind it that is not transparent (WCAG 2.1, 1.4.3).
CONTRASTS = """
function light(text) {
    const parts = text.match(/[0-9.]+/g).map(Number);
    const [r, g, b] = parts.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return { value: 0.2126 * r + 0.7152 * g + 0.0722 * b, opaque: parts.length < 4 || parts[3] === 1 };
}
function behind(element) {
    for (let each = element; each !== null; each = each.parentElement) {
        const found = light(getComputedStyle(each).backgroundColor);
        if (found.opaque) return found.value;
    }
    return 1;
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || element.closest('script') !== null) continue;
    const pair = [light(getComputedStyle(element).color).value, behind(element)].sort((a, b) => b - a);
    found.push([walker.currentNode.data, (pair[0] + 0.05) / (pair[1] + 0.05)]);
}
return found;
"""

# Of large counts those that do not stand in a line of their own, because a part of one is another number.
BROKEN = """
const ends = [...document.querySelectorAll('td.n')].map(cell => cell.lastChild);
const texts = ends.filter(each => /^[0-9]/.test(each.data));
const range = document.createRange();
for (const text of texts) if (/^[0-9,]+$/.test(text.data)) text.data = '1,234,567,890';
const broken = texts.filter(text => { range.selectNodeContents(text); return range.getClientRects().length !== 1; });
if (texts.length < 20 || document.documentElement.scrollWidth > innerWidth) broken.push(document.body);
return broken.map(each => each.textContent);
"""


def make_driver(scheme, scripts):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--hide-scrollbars", "--force-prefers-reduced-motion"):
        options.add_argument(argument)
    if scheme == "dark":
        options.add_argument("--force-dark-mode")
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


class Copy(http.server.BaseHTTPRequestHandler):
    """What `original` serves, with its headers, but for `inserted` in the page."""

    original, inserted = "", b""

    def do_GET(self):
        with urllib.request.urlopen(self.original + self.path[1:], timeout=dgramtest.PATIENCE) as answer:
            body = answer.read()
            headers = [each for each in answer.getheaders() if each[0] not in ("Content-Length", "Connection", "Date")]
        if self.path == "/":
            body = body.replace(b"</main>", self.inserted + b"</main>")
        self.send_response_only(200)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@unittest.skipUnless(shutil.which("chromedriver") and importlib.util.find_spec("selenium"), "chromium is not installed")
class Page(dgramtest.Case):
    def start_busy(self):
        """A worker that is stuck, a queue with something in it, drops."""
        daemon = self.start({
            **dgramtest.UNWARNED, "admin": {"socket": "admin.sock", "listen": "127.0.0.1:0"},
            "shutdown": {"drain_timeout_ms": 0}, "max_datagram_bytes": 64,
            "services": [{"handler": "echo"}, {
                "handler": "simulate", "options": {"block_us": 60000000}, "max_workers": 1,
                "queue": {"capacity": 8, "max_wait_ms": 3600000}}]})
        daemon.wait_for("admin endpoint", count=2)
        with dgramtest.socket_for(daemon.address("simulate")) as client:
            for _ in range(7):
                client.sendto(b"x", daemon.address("simulate"))
        for _ in range(100):
            daemon.ask(b"x", "echo")
        with dgramtest.socket_for(daemon.address("echo")) as client:
            for _ in range(5):
                client.sendto(bytes(100), daemon.address("echo"))
        place = [line["message"] for line in daemon.events("admin endpoint") if ":" in line["message"]][0]
        return daemon, f"http://{place}/"

    def open(self, url, scheme="light", *, scripts=True):
        home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        os.environ["HOME"] = home
        driver = make_driver(scheme, scripts)
        self.addCleanup(driver.quit)
        driver.set_page_load_timeout(dgramtest.PATIENCE)
        driver.set_script_timeout(dgramtest.PATIENCE)
        driver.get(url)
        return driver

    def resize(self, driver, width):
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})

    def shoot(self, driver, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        height = driver.execute_script("return document.documentElement.scrollHeight")
        width = driver.execute_script("return innerWidth")
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.assertTrue(driver.save_screenshot(str(SHOTS / f"{name}.png")))

    def complaints(self, driver):
        """What the browser says of the page: forbidden by its policy, missing, failed."""
        return [line["message"] for line in driver.get_log("browser")]

    def serve_copy(self, original, inserted):
        handler = type("Handler", (Copy,), {"original": original, "inserted": inserted})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/"

    def must_be_fine(self, driver, scheme):
        """At both widths: no horizontal scroll, contrast, nothing that the policy forbids or that fails."""
        for width in 360, 1280:
            self.resize(driver, width)
            self.assertEqual(driver.execute_script("return document.documentElement.scrollWidth"), width)
            contrasts = driver.execute_script(CONTRASTS)
            self.assertGreater(len(contrasts), 60)
            self.assertEqual(driver.execute_script(BROKEN), [])
            self.assertEqual([each for each in contrasts if each[1] < 4.5], [], scheme)
            self.shoot(driver, f"{scheme}-{width}")
        self.assertEqual(
            driver.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches"), scheme == "dark")
        self.assertEqual(self.complaints(driver), [])

    def must_say_what_is_wrong(self, text):
        self.assertRegex(text, r"busy for \d+(\.\d)? (s|ms)")
        self.assertIn("6 of 8", text)
        self.assertIn("raise max_datagram_bytes if such requests are legitimate", text)
        self.assertNotIn("127.0.0.1", text)

    def has_all(self, daemon, driver):
        """A stuck worker, five drops, five seconds, some of them with requests."""
        for _ in range(20):
            daemon.ask(b"x", "echo")
        received = driver.execute_script("return document.querySelector('figure small').textContent")
        points = driver.execute_script("return document.querySelector('polyline').points.length")
        return (re.search(r"busy for \d+ s", driver.page_source) and 'data-label="count">5<' in driver.page_source
                and points >= 5 and received != "at most 0")

    def test_in_both_schemes(self):
        daemon, url = self.start_busy()
        for scheme in "light", "dark":
            driver = self.open(url, scheme)
            self.eventually(lambda driver=driver: self.has_all(daemon, driver), "all of it, without a reload")
            self.must_say_what_is_wrong(driver.find_element("tag name", "body").text)
            self.must_be_fine(driver, scheme)

    def test_what_the_policy_forbids(self):
        """A copy of the page with an inline style is complained of, one without it is not."""
        _, url = self.start_busy()
        driver = self.open(self.serve_copy(url, b'<p id="added">x</p>'))
        self.assertEqual(driver.find_element("id", "added").text, "x")
        self.assertEqual(self.complaints(driver), [])
        driver.get(self.serve_copy(url, b'<p id="added" style="margin: 0">x</p>'))
        [complaint] = self.complaints(driver)
        self.assertIn("Content Security Policy", complaint)
        self.assertIn("style-src 'self'", complaint)

    def test_by_keyboard(self):
        """The one thing to press stops the refreshing."""
        from selenium.webdriver import ActionChains, Keys

        daemon, url = self.start_busy()
        driver = self.open(url)
        ActionChains(driver).send_keys(Keys.TAB).perform()
        self.assertEqual(driver.switch_to.active_element.text, "Pause")
        outline = driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid")
        first = driver.find_element("tag name", "main")
        self.eventually(lambda: driver.find_element("tag name", "main") != first, "another main")
        self.assertEqual(driver.switch_to.active_element.text, "Pause")
        daemon.stop()
        self.eventually(lambda: "no answer" in driver.find_element("tag name", "header").text, "the end")
        self.assertIn("busy for", driver.find_element("tag name", "main").text)
        ActionChains(driver).send_keys(Keys.SPACE).perform()
        self.assertEqual(driver.switch_to.active_element.text, "Go on")

    def test_without_scripts(self):
        _, url = self.start_busy()
        driver = self.open(url, scripts=False)
        self.eventually(lambda: (driver.refresh(), "busy for" in driver.page_source)[1], "a stuck worker")
        self.must_say_what_is_wrong(driver.find_element("tag name", "body").text)
        self.assertEqual(driver.find_element("link text", "Reload").get_attribute("href"), url)
        self.shoot(driver, "without-scripts")


dgramtest.main()
