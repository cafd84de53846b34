"""A real browser, headless: Chromium, told what to do by the DevTools protocol over a pipe."""

import itertools
import json
import os
import select
import shutil
import subprocess
import time

# The longest wait for anything the browser does.
ANSWER_WAIT_S = 60
# Nothing of its own to do on any network, and no state but that of the directory it is given.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--disable-extensions", "--disable-popup-blocking", "--metrics-recording-only", "--no-default-browser-check",
    "--remote-debugging-pipe",
]


class Browser:
    def __init__(self, directory, resolve=()):
        """`resolve` gives names an address of their own: `["MAP rebound.example 127.0.0.1"]`."""
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        assert program, "chromium is missing (Debian: sudo apt-get install chromium)"
        to_browser, self.sending = os.pipe()
        self.receiving, from_browser = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={directory}", f"--host-resolver-rules={','.join(resolve)}", "about:blank"]
        self.log = open(directory.with_suffix(".log"), "wb")
        # The protocol is spoken on descriptors 3 and 4.
        shell = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "browser", program, *flags],
            pass_fds=[to_browser, from_browser], stdout=self.log, stderr=self.log, start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.numbers, self.buffer, self.events = itertools.count(1), b"", []

    def call(self, method, session=None, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self.sending, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next_message()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def next_message(self, wait_s=ANSWER_WAIT_S):
        end = time.monotonic() + wait_s
        while b"\0" not in self.buffer:
            ready = select.select([self.receiving], [], [], max(end - time.monotonic(), 0))[0]
            assert ready, f"the browser says nothing for {wait_s} s"
            part = os.read(self.receiving, 1 << 16)
            assert part, "the browser ended"
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def wait_for_event(self, session, method):
        while True:
            for event in self.events:
                if (event.get("sessionId"), event.get("method")) == (session, method):
                    self.events.remove(event)
                    return event["params"]
            self.events.append(self.next_message())

    def page(self, url):
        return Page(self, url)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.sending)
        os.close(self.receiving)
        self.log.close()


class Page:
    """A tab of its own."""

    def __init__(self, browser, url):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.open(url)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def open(self, url):
        self.browser.events = [event for event in self.browser.events if event.get("sessionId") != self.session]
        self.call("Page.navigate", url=url)
        self.browser.wait_for_event(self.session, "Page.loadEventFired")

    def run(self, script):
        """Evaluates JavaScript in the page, awaits it and gives its value."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def frames(self):
        """The text that each frame of a page shows, whichever process shows it."""
        texts = []
        for target in self.browser.call("Target.getTargets")["targetInfos"]:
            if target["type"] == "iframe":
                session = self.browser.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
                shown = self.browser.call("Runtime.evaluate", session, expression="document.documentElement.innerText")
                texts.append(shown["result"].get("value", ""))
        return texts

    def screenshot(self):
        return self.call("Page.captureScreenshot", format="png")["data"]

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
