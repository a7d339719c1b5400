"""A Django application in one file: views, forms, uploads, sessions, streams and static files."""

import hashlib
import os
import pathlib

import django
from django import forms
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="not secret",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
        INSTALLED_APPS=["django.contrib.sessions"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        DEFAULT_CHARSET="utf-8",
        FILE_UPLOAD_MAX_MEMORY_SIZE=100_000,
        LOGGING_CONFIG=None,
    )


class NameForm(forms.Form):
    name = forms.CharField(max_length=20)
    age = forms.IntegerField(min_value=0)


def index(request):
    return HttpResponse("hello")


def as_json(request):
    return JsonResponse(
        {
            "query": dict(request.GET.lists()),
            "path": request.path,
            "uri": request.build_absolute_uri(),
            "secure": request.is_secure(),
            "remote": request.META["REMOTE_ADDR"],
        }
    )


def form(request):
    filled = NameForm(request.POST)
    if filled.is_valid():
        return JsonResponse(filled.cleaned_data)
    return JsonResponse({"errors": filled.errors}, status=422)


def upload(request):
    f = request.FILES["file"]
    digest = hashlib.sha256()
    for piece in f.chunks():
        digest.update(piece)
    return JsonResponse({"name": f.name, "length": f.size, "sha256": digest.hexdigest()})


def body(request):
    return JsonResponse({"length": len(request.body), "read": request.META.get("CONTENT_LENGTH")})


def stream(request):
    return StreamingHttpResponse((f"row {i}\n" for i in range(1000)), content_type="text/plain")


def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"]})


def static(request):
    return FileResponse(open(pathlib.Path(__file__), "rb"))


def big_file(request):
    target = pathlib.Path(os.environ["TEST_DIR"], "big.bin")
    if not target.exists():
        target.write_bytes(bytes(range(256)) * 20_000)
    return FileResponse(target.open("rb"), as_attachment=True)


def crash(request):
    raise RuntimeError("crashed in a view")


urlpatterns = [
    path("", index),
    path("json/", as_json),
    path("form/", form),
    path("upload/", upload),
    path("body/", body),
    path("stream/", stream),
    path("visits/", visits),
    path("static/", static),
    path("big/", big_file),
    path("crash/", crash),
]

django.setup()
app = get_wsgi_application()
