"""Cases by REST framework's ModelViewSet, a step by one POST, a worklist as a page."""

from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path
from rest_framework import decorators, response, routers, serializers, viewsets
from rest_framework.authtoken.models import Token

from django_case.models import Case, Event, Evidence

STEPS = {"accepted": "accept", "verifying": "verify", "reviewing": "review", "closed": "close"}
PAGE = """<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>待办</title></head>
<body><header>{{ user }}</header><table>{% for one in rows %}
<tr class="{% cycle 'odd' 'even' %}"><td><a href="/case/{{ one.id }}">YY{{ one.id }}</a></td>
<td>{{ one.subject }}</td><td>{{ one.state }}</td><td>{{ one.assignee.username }}</td>
<td>{{ one.created_at|date:"Y-m-d H:i" }}</td><td>{{ one.updated_at|date:"Y-m-d" }}</td></tr>
{% endfor %}</table>{{ page.paginator.count }} {{ page.paginator.num_pages }}</body></html>"""


class EventSerializer(serializers.ModelSerializer):
    class Meta:
        model = Event
        fields = "__all__"


class CaseSerializer(serializers.ModelSerializer):
    assignee_name = serializers.CharField(source="assignee.username", read_only=True)
    state = serializers.CharField(read_only=True)

    class Meta:
        model = Case
        fields = "__all__"


class WholeCaseSerializer(CaseSerializer):
    events = EventSerializer(many=True, read_only=True)


class MoveSerializer(serializers.Serializer):
    to = serializers.ChoiceField(choices=list(STEPS))
    note = serializers.CharField(max_length=4000)
    evidence = serializers.CharField(max_length=200)


class CaseViews(viewsets.ModelViewSet):
    queryset = Case.objects.select_related("assignee")
    serializer_class = CaseSerializer

    def get_queryset(self):
        found, asked = super().get_queryset(), self.request.query_params
        if "q" in asked:
            found = found.filter(subject__icontains=asked["q"])
        return found.order_by("-id")

    def perform_create(self, serializer):
        with transaction.atomic():
            case = serializer.save()
            note = self.request.data.get("note", "")
            Event.objects.create(
                case=case, actor=self.request.user, source="", target="filed", note=note
            )

    def retrieve(self, request, pk=None):
        whole = Case.objects.select_related("assignee").prefetch_related("events")
        return response.Response(WholeCaseSerializer(whole.get(pk=pk)).data)

    @decorators.action(detail=True, methods=["post"])
    def move(self, request, pk=None):
        asked = MoveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        with transaction.atomic():
            case = Case.objects.select_for_update().get(pk=pk)
            source = case.state
            getattr(case, STEPS[said["to"]])()
            case.save()
            Event.objects.create(
                case=case,
                actor=request.user,
                source=source,
                target=case.state,
                note=said["note"],
            )
            Evidence.objects.create(case=case, name=said["evidence"], sha256="0" * 64)
        return response.Response({"id": case.id, "state": case.state})


def list_work(request):
    """Show the first 25 of somebody's cases in a state."""
    key = request.headers["Authorization"].split()[1]
    token = Token.objects.select_related("user").get(key=key)
    asked = {"state": request.GET["state"], "assignee_id": request.GET["assignee"]}
    cases = Case.objects.select_related("assignee").filter(**asked).order_by("-id")
    page = Paginator(cases, 25).page(1)
    shown = {"rows": page.object_list, "page": page, "user": token.user.username}
    return HttpResponse(TEMPLATE.render(shown))


TEMPLATE = engines["django"].from_string(PAGE)
router = routers.DefaultRouter()
router.register("case", CaseViews)
urlpatterns = [path("api/", include(router.urls)), path("list", list_work)]
