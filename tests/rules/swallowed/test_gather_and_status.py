"""FH108 and FH109: failures thrown away between tasks, and failures answered with status 200."""

from __future__ import annotations

import textwrap

import pytest

from tests.rules.support import hits, subs


def gathering(*lines: str, name: str = "answers") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"import asyncio\nasync def {name}(items):\n{body}\n"


GATHER = "found = await asyncio.gather(*items, return_exceptions=True)"
DROPPED = {
    "filtered": gathering(GATHER, "return [r for r in found if not isinstance(r, Exception)]"),
    "base": gathering(GATHER, "return [r for r in found if not isinstance(r, BaseException)]"),
    "tuple": gathering(GATHER, "return [r for r in found if not isinstance(r, (OSError, Exception))]"),
    "at once": gathering(
        "return [r for r in await asyncio.gather(*items, return_exceptions=True) if not isinstance(r, Exception)]"
    ),
    "zip": gathering(GATHER, "return {i: r for i, r in zip(items, found) if not isinstance(r, Exception)}"),
    "filter": gathering(GATHER, "return list(filter(lambda r: not isinstance(r, Exception), found))"),
    "continue": gathering(
        GATHER, "for r in found:", "    if isinstance(r, Exception): continue", "    use(r)"
    ),
    "only the good": gathering(GATHER, "for r in found:", "    if not isinstance(r, Exception): use(r)"),
    "enumerate": gathering(
        GATHER, "for n, r in enumerate(found):", "    if isinstance(r, Exception): continue", "    use(r)"
    ),
    "never read": gathering(GATHER, "return 1"),
    "not kept": gathering("await asyncio.gather(*items, return_exceptions=True)"),
    "another name": gathering(GATHER, "return 1")
    .replace("asyncio", "from asyncio import gather as g", 1)
    .replace("import from", "from")
    .replace("asyncio.gather(", "g("),
    "wait": gathering("done, _ = await asyncio.wait(items)", "return len(done)"),
    "callback at module level": "import asyncio\ntask.add_done_callback(lambda t: None)\n",
    "wait, not kept": gathering("await asyncio.wait(items)"),
    "callback": gathering("task = asyncio.create_task(items)", "task.add_done_callback(lambda t: None)"),
    "as completed": gathering(
        "for each in asyncio.as_completed(items):",
        "    try:",
        "        use(await each)",
        "    except Exception:",
        "        pass",
    ),
}


@pytest.mark.parametrize("source", DROPPED.values(), ids=DROPPED)
def test_failures_that_are_thrown_away_are_seen(source: str) -> None:
    assert len(hits(source, "FH108")) == 1


KEPT = {
    "raised": gathering(
        GATHER, "for r in found:", "    if isinstance(r, Exception): raise r", "return found"
    ),
    "logged": gathering(
        GATHER,
        "for r in found:",
        "    if isinstance(r, Exception): log.error(r)",
        "return [r for r in found if not isinstance(r, Exception)]",
    ),
    "collected": gathering(
        GATHER,
        "errors = [r for r in found if isinstance(r, Exception)]",
        "good = [r for r in found if not isinstance(r, Exception)]",
        "return good, errors",
    ),
    "counted": gathering(GATHER, "return len([r for r in found if not isinstance(r, Exception)])"),
    "returned": gathering(GATHER, "return found"),
    "given on": gathering("return await asyncio.gather(*items, return_exceptions=True)"),
    "other filter": gathering(GATHER, "return [r for r in found if r]"),
    "other filter call": gathering(GATHER, "return list(filter(None, found))"),
    "isinstance of another kind": gathering(GATHER, "return [r for r in found if not isinstance(r, str)]"),
    "no exceptions returned": gathering("await asyncio.gather(*items)"),
    "returned only sometimes": gathering("await asyncio.gather(*items, return_exceptions=flag)"),
    "attribute": gathering("self.found = await asyncio.gather(*items, return_exceptions=True)"),
    "shutdown": gathering("await asyncio.gather(*items, return_exceptions=True)", name="shutdown"),
    "lifespan": gathering("await asyncio.gather(*items, return_exceptions=True)", name="lifespan"),
    "cancelled": gathering(
        "for each in items: each.cancel()", "await asyncio.gather(*items, return_exceptions=True)"
    ),
    "wait asked": gathering("done, _ = await asyncio.wait(items)", "return [t.result() for t in done]"),
    "wait and await": gathering("await asyncio.wait(items)", "return await items[0], await first"),
    "module level wait": "import asyncio\nx = asyncio.wait(items)\ny = asyncio.gather(z, return_exceptions=True)\n",
    "read elsewhere": (
        "import asyncio\nfound = asyncio.gather(x, return_exceptions=True)\ndef f(): return found\n"
    ),
    "callback that looks": gathering("task.add_done_callback(asyncio_report)"),
    "as completed with an error": gathering(
        "for each in asyncio.as_completed(items):",
        "    try:",
        "        use(await each)",
        "    except Exception as e:",
        "        errors.append(e)",
    ),
    "silent elsewhere": gathering("try:", "    use(items)", "except Exception:", "    pass"),
    "callback outside": "import asyncio\nx = 1\n\ntask.add_done_callback(print)\n",
    "statement between": gathering(GATHER, "for r in found:", "    use(r)"),
    "silent in another loop": gathering(
        "for each in items:", "    try:", "        use(each)", "    except Exception:", "        pass"
    ),
}


@pytest.mark.parametrize("source", KEPT.values(), ids=KEPT)
def test_failures_that_are_kept_are_left_alone(source: str) -> None:
    assert hits(source, "FH108") == []


def route(handled: str, *, decorator: str = "@app.get('/rows')", head: str = "def rows(request):") -> str:
    body = textwrap.indent(textwrap.dedent(handled).strip(), " " * 8)
    return f"{decorator}\n{head}\n    try:\n        return query()\n    except Exception as e:\n{body}\n"


OK_STATUS = {
    "dict": route("return {'error': str(e)}"),
    "status": route("return {'status': 'unhealthy'}"),
    "text": route("return {'message': 'query failed'}"),
    "variable": route("body = {'status': 'error'}\nreturn body"),
    "async": route("return {'error': str(e)}", head="async def rows(request):"),
    "route": route("return {'error': str(e)}", decorator="@app.route('/rows', methods=['GET'])"),
    "jsonify": route("return jsonify({'error': str(e)})"),
    "jsonify with keywords": route("return jsonify(error='x')"),
    "explicit 200": route("return jsonify({'error': str(e)}), 200"),
    "response without a status": route("return JSONResponse({'error': str(e)})"),
    "model": route("return Answer(success=False, error=str(e))"),
    "branches": route("if request:\n    return {'error': 1}\nelse:\n    return {'rows': []}"),
    "registered": route("return {'error': str(e)}", decorator="# no decorator")
    + "app.add_api_route('/rows', rows)\n",
    "registered by keyword": route("return {'error': str(e)}", decorator="# no decorator")
    + "app.add_url_rule('/rows', view_func=rows)\n",
    "registered third": route("return {'error': str(e)}", decorator="# no decorator")
    + "app.add_url_rule('/rows', 'rows', rows)\n",
    "view class": "class Rows(MethodView):\n"
    + textwrap.indent(
        route("return {'error': str(e)}", decorator="# no decorator", head="def get(self):"), "    "
    ),
    "health that is down": "@app.get('/health')\ndef health():\n    return {'status': 'healthy' if up() else 'unhealthy'}\n",
    "not ready": "@app.get('/ready')\ndef ready():\n    if not db:\n        return {'status': 'down'}\n    return {'status': 'ok'}\n",
}


@pytest.mark.parametrize("source", OK_STATUS.values(), ids=OK_STATUS)
def test_errors_with_status_200_are_seen(source: str) -> None:
    assert subs(source, "FH109") == [""]


OTHER = {
    "raised": route("raise HTTPException(503) from e"),
    "status in a tuple": route("return {'error': str(e)}, 500"),
    "status in a name": route("return {'error': str(e)}, code"),
    "response with a status": route("return JSONResponse({'error': str(e)}, status_code=500)"),
    "second argument": route("return JSONResponse({'error': str(e)}, 500)"),
    "status set": route("response.status_code = 500\nreturn {'error': str(e)}"),
    "empty error": route("return Answer(error=None, rows=[])"),
    "no error": route("return {'rows': []}"),
    "nothing": route("return None"),
    "bare": route("return"),
    "exception object": route("return HTTPException(503, error='x')"),
    "a function's answer": route("return answer(error=str(e))"),
    "a name": route("return request"),
    "no route": route("return {'error': str(e)}", decorator="@cached()"),
    "method of no view": "class Rows(Base):\n"
    + textwrap.indent(
        route("return {'error': str(e)}", decorator="# no decorator", head="def get(self):"), "    "
    ),
    "stream": route("return {'error': str(e)}", head="def stream_rows(request):"),
    "websocket": route("return {'error': str(e)}", head="def rows(websocket):"),
    "narrow": route("return {'error': str(e)}").replace("Exception", "ValueError"),
    "healthy": "@app.get('/health')\ndef health():\n    return {'status': 'ok'}\n",
    "health with a status": (
        "@app.get('/health')\ndef health(response):\n    response.status_code = 503\n"
        "    return {'status': 'unhealthy'}\n"
    ),
    "health by a call": "@app.get('/health')\ndef health():\n    return make({'status': 'down'}, 503)\n",
    "health of no route": "def health():\n    return {'status': 'unhealthy'}\n",
    "bare health": "@app.get('/health')\ndef health():\n    return\n",
}


@pytest.mark.parametrize("source", OTHER.values(), ids=OTHER)
def test_other_answers_are_left_alone(source: str) -> None:
    assert subs(source, "FH109") == []
