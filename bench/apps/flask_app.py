"""Flask as a user writes it: one route that answers JSON."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return {"message": "Hello, World!"}
