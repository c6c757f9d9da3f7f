"""FH501 to FH505 and absolute-home-path: what opens a system to others, or ties it to one machine."""

from __future__ import annotations

import pytest

from tests.rules.support import hits, subs


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("app.run(debug=True)", id="app"),
        pytest.param("self.server.run(debug=1)", id="server"),
        pytest.param("socketio.run(app, debug=True)", id="socketio"),
        pytest.param("dash_app.run_server(debug=True)", id="dash"),
        pytest.param("import uvicorn\nuvicorn.run('a:b', reload=True)", id="uvicorn"),
        pytest.param("DEBUG = True\napp.run(debug=DEBUG)", id="constant"),
        # Evasions.
        pytest.param("app.debug = True", id="attribute"),
        pytest.param("def run_dev():\n    app.run(debug=True)\n\nrun_dev()", id="a developer's, unasked"),
        pytest.param(
            "def local():\n    app.run(debug=True)\n\nif __name__ == '__main__':\n    local()",
            id="a local one, as main",
        ),
        pytest.param('app.config["DEBUG"] = True', id="configuration"),
        pytest.param("app.config.update(DEBUG=True)", id="update"),
        pytest.param('import os\napp.run(debug=os.getenv("DEBUG", "true"))', id="environment"),
        pytest.param('import os\napp.run(debug=os.getenv("DEBUG", "True").lower() == "true")', id="compared"),
        pytest.param('import os\napp.run(debug=bool(os.getenv("DEBUG", True)))', id="bool"),
        pytest.param('import os\nos.environ["FLASK_DEBUG"] = "1"', id="FLASK_DEBUG"),
        pytest.param('run(["uvicorn", "app:app", "--reload"])', id="command"),
    ],
)
def test_a_debug_server_is_found(source: str) -> None:
    assert subs(source, "FH501") == [""]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("app.run()\napp.run(debug=False)\napp.debug = False", id="off"),
        pytest.param(
            'def start_dev_server():\n    run(["uvicorn", "app:app", "--reload"])', id="developer's own"
        ),
        pytest.param(
            "def run_dev():\n    app.run(debug=True)\n\ndef main(x):\n    if x:\n        run_dev()\n",
            id="chosen",
        ),
        pytest.param("app.run(debug=settings.debug)", id="from settings"),
        pytest.param("asyncio.run(main(), debug=True)\njob.run(debug=True)\nrun(debug=True)", id="no server"),
        pytest.param('import os\napp.run(debug=os.getenv("DEBUG"))', id="off by default"),
        pytest.param('import os\napp.run(debug=os.getenv("DEBUG", "0") == "1")', id="environment off"),
        pytest.param(
            'import os\nif os.getenv("APP_ENV") == "development":\n    app.run(debug=True)', id="guarded"
        ),
        pytest.param(
            "state.update(DEBUG=True)\nx.config.update(A=True)\nlogger.debug = True", id="something else"
        ),
        pytest.param(
            'x.config["OTHER"] = True\ny["DEBUG"] = True\nz = ["--reload"]\nw = []', id="other items"
        ),
    ],
)
def test_what_is_no_debug_server_is_not(source: str) -> None:
    assert subs(source, "FH501") == []


@pytest.mark.xfail(strict=True, reason="files that are no Python: environment files, commands of containers")
def test_a_debug_switch_in_another_kind_of_file_is_found() -> None:
    assert hits(
        {"app/main.py": "app.run()\n", ".env": "FLASK_DEBUG=1\n", "Dockerfile": "CMD x --reload\n"}, "FH501"
    )


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('uvicorn.run(app, host="0.0.0.0")', id="argument"),
        pytest.param('HOST = "0.0.0.0"\nrun(app, host=HOST)', id="constant, once"),
        pytest.param('class S(BaseSettings):\n    host: str = Field(default="0.0.0.0")', id="field"),
        pytest.param('def serve(port, host="0.0.0.0"): ...', id="parameter"),
        pytest.param('def serve(*, bind_host="0.0.0.0"): ...', id="keyword parameter"),
        pytest.param('demo.launch(server_name="0.0.0.0")', id="server_name"),
        pytest.param('sock.bind(("0.0.0.0", 80))\nsock.listen()', id="bind"),
        # Evasions.
        pytest.param('run(app, host="::")', id="IPv6"),
        pytest.param('web.run_app(app, host="")', id="empty"),
        pytest.param('HTTPServer(("", 8000), Handler)', id="empty bind"),
        pytest.param('import os\nrun(app, host=os.getenv("HOST", "0.0.0.0"))', id="environment"),
        pytest.param(
            'import os\nclass S:\n    host: str = os.getenv("HOST", "0.0.0.0")', id="field from environment"
        ),
    ],
)
def test_a_server_on_every_interface_is_found(source: str) -> None:
    assert subs(source, "FH502") == [""]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('run(app, host="127.0.0.1")\nHOST: str = "localhost"', id="local"),
        pytest.param("run(app, host=settings.host)", id="from settings"),
        pytest.param('import os\nrun(app, host=os.environ["HOST"])', id="required"),
        pytest.param('host: str = ""\nconnect(host="")', id="empty elsewhere"),
        pytest.param('sock.bind(("", 0))\nsock.listen()', id="any free port"),
        pytest.param('def is_free(port):\n    sock.bind(("", port))', id="nothing listens"),
        pytest.param('sock.bind(address)\nsock.bind(("localhost", 80))\nbind()', id="other addresses"),
        pytest.param('IGNORED = ("0.0.0.0",)\nhost: str', id="other names"),
    ],
)
def test_a_server_on_one_interface_is_not(source: str) -> None:
    assert subs(source, "FH502") == []


@pytest.mark.parametrize(
    ("source", "sub"),
    [
        pytest.param(
            'add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)',
            "credentials",
            id="all",
        ),
        pytest.param('CORSMiddleware(app, allow_origins="*")', "star", id="star"),
        pytest.param("from flask_cors import CORS\nCORS(app)", "credentials", id="CORS"),
        pytest.param('from flask_cors import CORS\nCORS(app, origins="*")', "star", id="CORS origins"),
        pytest.param(
            'from flask_cors import CORS\nCORS(app, resources={"/*": {"origins": ["*"]}}, supports_credentials=True)',
            "credentials",
            id="CORS resources",
        ),
        pytest.param('SocketIO(app, cors_allowed_origins="*")', "star", id="socketio"),
        # Evasions.
        pytest.param('f(allow_origin_regex=".*", allow_credentials=True)', "credentials", id="regex"),
        pytest.param('import os\nf(allow_origins=os.getenv("O", "*").split(","))', "star", id="environment"),
        pytest.param('import os\nf(allow_origins=[os.environ.get("O") or "*"])', "star", id="or"),
        pytest.param('f(allow_origins=["*"] if DEBUG else mine)', "star", id="conditional"),
        pytest.param('class S(BaseSettings):\n    cors_origins: list[str] = ["*"]', "star", id="setting"),
        pytest.param('class S:\n    ALLOWED_ORIGINS: str = Field(default="*")', "star", id="Field"),
        pytest.param(
            'class S:\n    cors_origins: list = Field(default_factory=lambda: ["*"])', "star", id="factory"
        ),
        pytest.param('CORS_ALLOW_ORIGINS = ["*"]', "star", id="constant"),
        pytest.param('response.headers["Access-Control-Allow-Origin"] = "*"', "star", id="header"),
        pytest.param('h = {"access-control-allow-origin": "*"}', "star", id="headers"),
        pytest.param('self.send_header("Access-Control-Allow-Origin", "*")', "star", id="send_header"),
    ],
)
def test_open_origins_are_found(source: str, sub: str) -> None:
    assert subs(source, "FH503") == [sub]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('add_middleware(CORSMiddleware, allow_origins=["https://a.example"])', id="named"),
        pytest.param('from flask_cors import CORS\nCORS(app, origins=["https://a.example"])', id="CORS"),
        pytest.param("from flask_cors import CORS\nCORS(app, **limits)", id="CORS handed on"),
        pytest.param('import os\nf(allow_origins=os.environ["ORIGINS"].split(","))', id="required"),
        pytest.param('import os\nf(allow_origins=os.getenv("O"))', id="none by default"),
        pytest.param('search(origins="*")\nf(allow_origins=read())', id="other origins"),
        pytest.param(
            'h["Access-Control-Allow-Origin"] = origin\nh.add("Access-Control-Allow-Origin", o)', id="header"
        ),
        pytest.param('def f():\n    cors_origins = ["*"]\n    return cors_origins', id="local"),
    ],
)
def test_named_origins_are_not(source: str) -> None:
    assert subs(source, "FH503") == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import requests\nrequests.get('u', verify=False)", id="requests"),
        pytest.param("import httpx\nhttpx.AsyncClient(verify=False)", id="client"),
        pytest.param(
            "import requests\ns = requests.Session()\ns.get('u', verify=False)", id="session's call"
        ),
        pytest.param("self.session.post('u', verify=False)", id="somebody's session"),
        # Evasions.
        pytest.param("import ssl\nctx.verify_mode = ssl.CERT_NONE", id="CERT_NONE"),
        pytest.param("from ssl import CERT_NONE\nwrap(cert_reqs=CERT_NONE)", id="CERT_NONE by name"),
        pytest.param("import ssl\nctx = ssl._create_unverified_context()", id="unverified context"),
        pytest.param("ctx.check_hostname = False", id="check_hostname"),
        pytest.param("session.get('u', ssl=False)", id="aiohttp"),
        pytest.param("import aiohttp\naiohttp.TCPConnector(verify_ssl=False)", id="connector"),
        pytest.param("self.session.verify = False", id="attribute"),
        pytest.param(
            'import os, requests\nrequests.get("u", verify=os.getenv("V", False))', id="environment"
        ),
        pytest.param(
            "import requests\nclass S(BaseSettings):\n    verify_tls: bool = False\n"
            "requests.get('u', verify=settings.verify_tls)",
            id="setting",
        ),
        pytest.param(
            "import requests\nclass S:\n    verify_ssl = Field(False)\nrequests.get('u', verify=S.verify_ssl)",
            id="Field",
        ),
    ],
)
def test_an_unverified_connection_is_found(source: str) -> None:
    assert subs(source, "FH504") == [""]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "import requests\nrequests.get('u', verify='ca.pem')\nrequests.get('u', verify=True)", id="on"
        ),
        pytest.param("import jwt\njwt.decode(t, verify=False)\ncheck(verify=False)", id="no connection"),
        pytest.param("box.get('u', verify=False)\nSession(verify=False)", id="no client"),
        pytest.param("m = make()\nm.get('u', verify=False)", id="unknown maker"),
        pytest.param("import ssl\nif ctx.verify_mode == ssl.CERT_NONE:\n    raise E", id="compared"),
        pytest.param(
            "import ssl\nctx.verify_mode = ssl.CERT_REQUIRED\nctx.check_hostname = True", id="checked"
        ),
        pytest.param("create_engine(ssl=False)\nform.verify = False", id="something else's switch"),
        pytest.param(
            "import requests\nclass S:\n    verify_tls: bool = True\nrequests.get('u', verify=s.verify_tls)",
            id="setting that is on",
        ),
        pytest.param('import os, requests\nrequests.get("u", verify=os.environ["V"])', id="required"),
        pytest.param("class S:\n    ssl: bool = make()\n    tls: bool", id="settings alone"),
    ],
)
def test_a_verified_connection_is_not(source: str) -> None:
    assert subs(source, "FH504") == []


def test_a_setting_that_switches_verification_off_may_stand_in_another_file() -> None:
    files: dict[str, str | bytes] = {
        "app/settings.py": "class S(BaseSettings):\n    verify_tls: bool = False\n",
        "app/call.py": "import requests\nrequests.get('u', verify=settings.verify_tls)\n",
    }
    assert [hit.path for hit in hits(files, "FH504")] == ["app/call.py"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(x):\n    assert x > 0\n    return x", id="value"),
        pytest.param("async def f(*, x):\n    assert isinstance(x, int)\n    return x", id="type"),
        pytest.param("def f(x):\n    if g():\n        assert x\n    return x", id="nested block"),
        pytest.param("def f(x, y):\n    assert x and y\n    return x", id="several"),
        pytest.param("def f(*rest, **more):\n    log()\n    assert rest", id="rest"),
    ],
)
def test_an_assert_on_a_parameter_is_found(source: str) -> None:
    assert subs(source, "FH505") == [""]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(x):\n    user = find(x)\n    assert user is not None", id="looked up"),
        pytest.param("def f(x):\n    y = x + 1\n    assert x < y", id="used before"),
        pytest.param("def f(x):\n    x = clean(x)\n    assert x", id="bound before"),
        pytest.param("class C:\n    def f(self):\n        assert self.x", id="self"),
        pytest.param("def test_f(x):\n    assert x", id="test"),
        pytest.param("assert x", id="module level"),
        pytest.param("def f(x):\n    if not x:\n        raise ValueError", id="raise"),
    ],
)
def test_another_assert_is_not(source: str) -> None:
    assert subs(source, "FH505") == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('open("/home/ana/data.csv")', id="Linux"),
        pytest.param('P = Path("/Users/ana/data.csv")', id="macOS"),
        pytest.param(r'P = r"C:\Users\ana\data.csv"', id="Windows"),
        # Evasions.
        pytest.param('P = "c:/Users/ana/data.csv"', id="slashes"),
        pytest.param('P = f"/home/ana/{name}"', id="f-string"),
        pytest.param('P = "/home/ana/" + name', id="sum"),
        pytest.param('P = "file:///home/ana/x"', id="file"),
    ],
)
def test_a_path_of_one_machine_is_found(source: str) -> None:
    found = hits(source, "absolute-home-path")
    assert [hit.rule for hit in found] == ["absolute-home-path"]
    assert "ana" not in found[0].message


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('P = Path.home() / "x"\nQ = "~/x"', id="computed"),
        pytest.param('"""/home/ana/data.csv is where it was."""', id="documentation"),
        pytest.param(r'P = "/Users/Shared/x", r"C:\Users\Public\x"', id="nobody's"),
        pytest.param('route("/home/")\nroute("/Users/{user_id}/groups")', id="routes"),
        pytest.param('P = "see /home/ana/data.csv", b"/home/ana/x", "/home/ana"', id="within"),
    ],
)
def test_another_text_is_not(source: str) -> None:
    assert subs(source, "absolute-home-path") == []


def test_the_messages_name_the_place() -> None:
    assert (
        hits("def main():\n    app.run(debug=True)", "FH501")[0].message
        == "main starts a server in debug mode"
    )
    assert hits("def f(a, b):\n    assert b > a", "FH505")[0].message == (
        "f checks its parameter a, b by an assert, which -O leaves out"
    )
    assert hits('f(allow_origins=["*"], allow_credentials=True)', "FH503")[0].message == (
        "the module lets scripts of every origin in with credentials"
    )
