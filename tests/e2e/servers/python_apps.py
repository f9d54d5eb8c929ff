"""What Python's application servers serve: an ASGI and a WSGI application, and a site of Django's that knows one host."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"well"})


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return [b"well"]


settings.configure(
    ALLOWED_HOSTS=["shop.example"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no use to anybody",
)
django.setup()
urlpatterns = [path("healthz", lambda request: HttpResponse("well"))]
site = get_wsgi_application()
