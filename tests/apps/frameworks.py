"""The same small site in four frameworks, as their own documentation has one write it.

/page answers "page"; /query with the value of x; /post with the length and the text of a
form's field; /stream with 100 lines from a generator.
"""

LINES = [b"%d\n" % number for number in range(100)]


def django_application():
    """Return the site in Django."""
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import path

    urlpatterns = [
        path("page", lambda request: HttpResponse("page")),
        path("query", lambda request: HttpResponse(request.GET["x"])),
        path("post", lambda request: HttpResponse(request.POST["name"])),
        path("stream", lambda request: StreamingHttpResponse(iter(LINES))),
    ]
    urls = type("urls", (), {"urlpatterns": urlpatterns})
    settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="for a test")
    django.setup()
    return get_wsgi_application()


def pyramid_application():
    """Return the site in Pyramid."""
    from pyramid.config import Configurator
    from pyramid.response import Response

    views = {
        "page": lambda request: Response("page"),
        "query": lambda request: Response(request.GET["x"]),
        "post": lambda request: Response(request.POST["name"]),
        "stream": lambda request: Response(app_iter=iter(LINES)),
    }
    with Configurator() as config:
        for name, view in views.items():
            config.add_route(name, f"/{name}")
            config.add_view(view, route_name=name)
        return config.make_wsgi_app()


def bottle_application():
    """Return the site in Bottle."""
    import bottle

    site = bottle.Bottle()
    site.get("/page", callback=lambda: "page")
    site.get("/query", callback=lambda: bottle.request.query.getunicode("x"))
    site.post("/post", callback=lambda: bottle.request.forms.getunicode("name"))
    site.get("/stream", callback=lambda: iter(LINES))
    return site


def falcon_application():
    """Return the site in Falcon."""
    import falcon

    class Page:
        def on_get(self, request, response):
            response.text = "page"

    class Query:
        def on_get(self, request, response):
            response.text = request.get_param("x")

    class Post:
        def on_post(self, request, response):
            response.text = request.get_media()["name"]

    class Stream:
        def on_get(self, request, response):
            response.stream = iter(LINES)

    site = falcon.App()
    for resource in (Page, Query, Post, Stream):
        site.add_route(f"/{resource.__name__.lower()}", resource())
    return site
