"""A Flask application of the usual kind: forms, uploads, sessions, streams, errors, files."""

import hashlib
import io

from flask import (
    Flask,
    Response,
    abort,
    jsonify,
    redirect,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)

app = Flask(__name__)
app.secret_key = "not secret"


@app.get("/")
def index():
    return "hello"


@app.get("/json")
def as_json():
    return jsonify(query=request.args.to_dict(flat=False), ua=request.headers.get("User-Agent"))


@app.post("/form")
def form():
    return jsonify(request.form.to_dict(flat=False))


@app.post("/upload")
def upload():
    f = request.files["file"]
    data = f.read()
    return jsonify(
        name=f.filename,
        type=f.content_type,
        length=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        note=request.form.get("note"),
    )


@app.post("/body")
def body():
    return jsonify(length=len(request.get_data()), declared=request.content_length)


@app.get("/stream")
def stream():
    @stream_with_context
    def rows():
        for i in range(int(request.args["n"])):
            yield f"row {i}\n"

    return Response(rows(), mimetype="text/plain")


@app.route("/login", methods=["POST"])
def login():
    session["user"] = request.form["user"]
    session["visits"] = 0
    return redirect(url_for("me"))


@app.get("/me")
def me():
    session["visits"] = session.get("visits", 0) + 1
    return jsonify(user=session.get("user"), visits=session["visits"])


@app.get("/file")
def file():
    return send_file(
        io.BytesIO(b"0123456789" * 1000),
        mimetype="application/octet-stream",
        download_name="ten.bin",
        as_attachment=True,
    )


@app.get("/self")
def self_file():
    return send_file(__file__, conditional=True)


@app.get("/missing")
def missing():
    abort(404)


@app.get("/crash")
def crash():
    raise RuntimeError("crashed in a view")


@app.get("/where/<path:rest>")
def where(rest):
    return jsonify(
        url=request.url,
        path=request.path,
        rest=rest,
        remote=request.remote_addr,
        scheme=request.scheme,
        host=request.host,
    )


@app.get("/cookies")
def cookies():
    response = jsonify(request.cookies)
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", httponly=True)
    return response
