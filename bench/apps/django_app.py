"""Django in one file: a URL, a view, JSON; no database.

CommonMiddleware is there because every project has it: it sets the Content-Length, without which
a server that does not chunk can only close.
"""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for the bench alone",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    LOGGING_CONFIG=None,
)


def index(request):
    return JsonResponse({"message": "Hello, World!"})


urlpatterns = [path("", index)]

app = get_wsgi_application()
asgi_app = get_asgi_application()
