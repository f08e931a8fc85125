"""The handler `room': who hears whom, who may come in and speak, what is sent, and
what may not be said in the configuration."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import modules  # noqa: E402
from http_raw import fetch, request  # noqa: E402
from rooms import Rooms, expect_in, route, web  # noqa: E402
from shoal import Shoal  # noqa: E402
from websocket_raw import BINARY, CLOSE, TEXT, handshake  # noqa: E402
from waiting import expect, run_checks, same, until  # noqa: E402

MODULE = r"""
#include <string.h>
#include <shoal/shoal.h>

/* ?who=NAME; eve may not come in, bob not speak */
static void
judge(struct shoal_request *req, void *arg)
{
	const char *who = shoal_request_param(req, "who");

	shoal_co_sleep(1);
	if (who == NULL)
		shoal_response_error(req, 410);
	else if (strcmp(who, "eve") == 0)
		shoal_request_grant(req, who, 0);
	else if (strcmp(who, "bob") == 0)
		shoal_request_grant(req, who, SHOAL_MAY_SUBSCRIBE);
	else if (strcmp(who, "anybody") != 0)
		shoal_request_grant(req, who,
		    SHOAL_MAY_SUBSCRIBE | SHOAL_MAY_PUBLISH);
}

static int
open_broken(const struct shoal_settings *settings, void **arg_out)
{
	return -SHOAL_EPERM;
}

static const struct shoal_setting settings[] = {
	{ "secret", SHOAL_SETTING_STRING, NULL, 0, 0, "is needed" },
	{ NULL },
};

static void
serve(struct shoal_conn *conn, void *arg)
{
}

static const struct shoal_handler judge_handler = {
	.size = sizeof(judge_handler), .name = "judge", .request = judge };
static const struct shoal_handler needy_handler = {
	.size = sizeof(needy_handler), .name = "needy", .request = judge,
	.settings = settings };
static const struct shoal_handler broken_handler = {
	.size = sizeof(broken_handler), .name = "broken", .request = judge,
	.open = open_broken };
static const struct shoal_handler tcp_handler = {
	.size = sizeof(tcp_handler), .name = "tcp", .serve = serve };
static const struct shoal_handler *const handlers[] = { &judge_handler,
	&needy_handler, &broken_handler, &tcp_handler, NULL };

SHOAL_MODULE(.name = "door", .version = "1.0", .handlers = handlers);
"""
SECRET = "s3cret/+=&"
ENCODED = "s3cret%2F%2B%3D%26"
JSON = 'format = "json";'


def refused(shoal, path, status, *words, more=()):
    """A handshake is refused before the upgrade, and says why."""
    answer = fetch(shoal.address, handshake(path, more))
    same(answer.status, status, answer, answer.body)
    expect_in(answer.body.decode(), *words)
    return answer


def bearer(token):
    return (f"Authorization: Bearer {token}",)


# --- who hears whom ---

def check_talk():
    """All of a room hear what one says, text and bytes; others do not."""
    with Rooms() as shoal:
        ada, bob = shoal.join(), shoal.join()
        default = shoal.join("/room/")
        other, below = shoal.join("/room/other"), shoal.join("/room/lobby/x")
        for ws in ada, bob, default, other, below:
            ws.ping()
        said = "wörld " + "x" * 100000
        ada.say("hello")
        bob.say(said).say(b"\0\xff", BINARY).say("")
        for ws in ada, bob, default:
            got = [ws.take_message() for _ in range(4)]
            # of two who speak, either may be first
            got.remove((TEXT, b"hello"))
            same(got, [(TEXT, said.encode()), (BINARY, b"\0\xff"),
                       (TEXT, b"")])
        other.say("here").hear("here")
        below.say("there").hear("there")
        ada.say_goodbye()
        bob.sock.close()
        default.say("alone").hear("alone")


def check_workers():
    """It does not matter on which worker they are, nor of which generation."""
    with Rooms(route(config=JSON), workers=2,
               more='reload = { drain_timeout = "1h"; };') as shoal:
        first, second = [shoal.join_worker(worker)
                         for worker in shoal.workers()]
        expect(first.worker() != second.worker(), "the same worker")
        first.say("hello")
        got = [ws.hear_data("hello", topic="lobby", **{"from": first.id})
               for ws in (first, second)]
        same(got[0], got[1])
        shoal.reload()
        third = shoal.join().welcome()
        expect(third.worker() not in (first.worker(), second.worker()),
               "an old worker")
        for speaker in third, first:
            speaker.say("and now?")
            for ws in first, second, third:
                ws.hear_data("and now?", **{"from": speaker.id})


def check_names():
    """A topic is named by the path, by the query, or always the same."""
    with Rooms(route("/room/"),
               route("/exact", 'topic = "one";'),
               route("/none/", 'topic = "";'),
               route("/query", 'topic_from = "query";'),
               route("/news", 'topic_from = "fixed"; topic = "a/b";'),
               route("/elsewhere/", 'topic_prefix = "x/y/";')) as shoal:
        for one, other in (("/room/", "/query"),
                           ("/room/z%C3%BCrich%20x",
                            "/query?topic=z%C3%BCrich+x"),
                           ("/room/a/b", "/news"),
                           ("/room/a/b?topic=x", "/query?x=1&topic=a/b"),
                           ("/exact?topic=x", "/room/one"),
                           ("/none/one", "/room/one")):
            with shoal.join(one) as ada, shoal.join(other) as bob:
                ada.ping()
                bob.say(one).hear(one)
                ada.hear(one)
        with shoal.join("/room/lobby") as ada, \
                shoal.join("/elsewhere/lobby") as bob:
            ada.ping()
            bob.say("far").hear("far")
            ada.expect_silence()
        refused(shoal, "/none/", 404, "none is named")
        for path in ("/room/a/", "/room/+", "/room/a/%23", "/room/$x",
                     "/room/a/$members", "/room/%FF", "/room/a%0Ab",
                     "/room/" + "x" * 240, "/query?topic=a//b"):
            refused(shoal, path, 400, "no topic can be called this")
        # no WebSocket
        same(fetch(shoal.address, request("/room/lobby")).status, 426)


def check_prefix():
    """What is put before texts, and no echo."""
    with Rooms(route("/room/", 'prefix = "Server: "; echo = false;'),
               route("/loud/", 'prefix = "Sörver：";')) as shoal:
        ada, bob = shoal.join(), shoal.join()
        ada.ping()
        bob.ping()
        ada.say("hello").say(b"\1", BINARY)
        bob.hear("Server: hello").hear(b"\1", opcode=BINARY)
        ada.expect_silence()
        shoal.join("/loud/x").say("").hear("Sörver：")


# --- who may ---

def check_tokens():
    """401 without, 403 with a wrong one, before the upgrade."""
    rooms = (
        route("/open/"),
        route("/in/", f'subscribe_token = "{SECRET}";'),
        route("/say/", 'publish_token = "say";'),
        route("/both/", 'subscribe_token = "in"; publish_token = "say";'),
        route("/mute/", JSON + 'publish = false;'))
    with Rooms(*rooms) as shoal:
        answer = refused(shoal, "/in/", 401, "a token is needed")
        same(answer.get("www-authenticate"), 'Bearer realm="shoal"')
        same(refused(shoal, "/in/?token=x", 403, "wrong")
             .get("www-authenticate"), None)
        for wrong in (SECRET + "x", SECRET[:-1], SECRET[:-1] + "x"):
            refused(shoal, "/in/", 403, "wrong", more=bearer(wrong))
        # a plain request is not told more
        same(fetch(shoal.address, request("/in/")).status, 401)
        for path, more in (("/in/?token=" + ENCODED, ()),
                           ("/in/", bearer(SECRET)),
                           ("/in/?token=wrong", bearer(SECRET)),
                           ("/in/", ("authorization:bearer  " + SECRET,))):
            with shoal.join(path, more) as ws:
                ws.say("hello").hear("hello")
        refused(shoal, "/say/?token=x", 403, "wrong")
        refused(shoal, "/both/", 401)
        for path in "/say/", "/both/?token=in":
            with shoal.join(path) as listener, \
                    shoal.join(path.partition("?")[0] +
                               "?token=say") as speaker:
                listener.ping()
                speaker.say("hello").hear("hello")
                listener.hear("hello")
                listener.say("and me?")
                same(listener.take_frame().data[2:],
                     b"not allowed to publish here")
                speaker.expect_silence()
        with shoal.join("/mute/") as mute:
            mute.welcome(publish=False)
            mute.say("hello")
            mute.expect_dismissal(1008)


def write(path, text):
    with open(path, "w", encoding="latin-1") as file:
        file.write(text)


def told(shoal, *words):
    """A test and a reload tell what is wrong, and where."""
    for command in "test", "reload":
        code, out, err = shoal.cli(command)
        expect(code != 0, command, "agrees to", *words)
        expect_in(out + err, f"{shoal.conf}:", "handler 'room': config.",
                  *words)


def check_token_file():
    """A token that is not in the configuration."""
    with Rooms() as shoal:
        path = shoal.path("token")
        write(path, "from-file \nnothing else\n")
        shoal.configure(web(route(
            "/room/", f'subscribe_token_file = "{path}";')))
        shoal.reload()
        shoal.address = shoal.port()
        refused(shoal, "/room/", 401)
        shoal.join("/room/?token=from-file").say("x").hear("x")
        # a new token, and what is none
        write(path, "another")
        shoal.reload()
        refused(shoal, "/room/?token=from-file", 403)
        for words in "", "two words", "\xe4":
            write(path, words)
            told(shoal, "has no token in its first line")
        os.unlink(path)
        told(shoal, f"subscribe_token_file '{path}' cannot be read: No such "
             "file or directory")
        os.mkdir(path)
        told(shoal, f"'{path}' cannot be read: Is a directory")
        os.rmdir(path)
        shoal.join("/room/?token=another").say("x").hear("x")


def authorize(name, more=""):
    return route(config=f'{JSON} authorize = "{name}"; {more}')


def check_authorize():
    """A handler of a module decides, and says who it is."""
    with Shoal() as shoal:
        path = modules.compile_text(shoal.path("door.so"), MODULE)
        entry = modules.entry(path, "door")
        with Rooms(authorize("door.judge"),
                   route("/plain/", 'authorize = "door.judge"; '
                         'publish = false;'), modules=entry) as rooms:
            refused(rooms, "/room/", 410)
            refused(rooms, "/room/?who=eve", 403, "not allowed")
            # a token says nothing here, and the name is the handler's
            refused(rooms, "/room/?token=x", 410)
            ada = rooms.join("/room/?who=ada&name=mallory")
            ada.welcome(name="ada")
            bob = rooms.join("/room/?who=bob").welcome(name="bob",
                                                       publish=False)
            bob.ping()
            rooms.join("/room/?who=anybody&name=ann").welcome(name="ann")
            ada.say("hello").hear_data("hello")
            bob.hear_data("hello")
            bob.say("hello")
            bob.expect_dismissal(1008)
            muted = rooms.join("/plain/?who=ada")
            muted.say("x")
            muted.expect_dismissal(1008)
        for name, *words in (
                ("door.needy", "config.authorize: the handler 'door.needy' "
                 "needs a value for its key 'secret'"),
                ("door.tcp", "'door.tcp' does not answer HTTP requests"),
                ("door.judg", "there is no handler 'door.judg'",
                 "did you mean 'door.judge'?")):
            shoal.configure(web(authorize(name)), modules=entry)
            code, out, err = shoal.cli("test")
            expect(code != 0, "agreed to", name)
            expect_in(out + err, *words)
        shoal.configure(web(authorize("door.broken")), modules=entry)
        code, out, err = shoal.cli("start")
        expect(code != 0, "started with", "door.broken")
        expect_in(out + err, "open:")


# --- JSON ---

def check_json():
    """Objects, escaped, with who said it; texts only."""
    nasty = "\"\\\b\f\n\r\t\0\x1f\x7f\u2028</script>ü🐟"
    with Rooms(route(config=JSON)) as shoal:
        ada = shoal.join("/room/lobby?name=Ada%20%22L%22").welcome(
            name='Ada "L"')
        bob = shoal.join("/room/z%C3%BC%22").welcome(topic='zü"')
        eve = shoal.join().welcome()
        for ws in ada, bob, eve:
            ws.ping()
        ada.say(nasty)
        for ws in ada, eve:
            got = ws.hear_data(nasty, topic="lobby", **{"from": ada.id})
            same(sorted(got), ["data", "from", "time", "topic"])
        bob.say("x" * 300000).hear_data("x" * 300000, topic='zü"')
        eve.say(b"bytes", BINARY)
        eve.expect_dismissal(1003)
        ada.expect_silence()
        for path in "/room/?name=a%0Ab", "/room/?name=" + "x" * 256:
            refused(shoal, path, 400, "the name has more than")
        shoal.join("/room/?name=" + "x" * 255).welcome(name="x" * 255)


def check_bad_name():
    """A name that is not UTF-8 comes in, and goes out."""
    with Rooms() as shoal:
        ws = shoal.join("/room/?name=%FF")
        same(ws.take_frame().code(), 1008)


def check_announce():
    """Who is there, comes and goes, over two workers."""
    with Rooms(route(config=JSON + "announce = true;"),
               workers=2) as shoal:
        one, two = shoal.workers()
        ada = shoal.join_worker(one, "/room/?name=Ada")
        there = ada.object_with("members")["members"]
        expect({"id": ada.id, "name": "Ada"} in there, there)

        def heard(kind, member, name):
            """Ada has heard of it, and of others that came by."""
            wanted = {"topic": "lobby",
                      kind: {"id": member.id, "name": name}}
            until(lambda: ada.object() == wanted, f"{kind} of {name}")

        # others that come by look for their worker
        bob = shoal.join_worker(two, "/room/?name=Bob")
        there = {one["id"]: one["name"]
                 for one in bob.object_with("members")["members"]}
        same((there[ada.id], there[bob.id]), ("Ada", "Bob"))
        heard("join", bob, "Bob")
        bob.say("hello")
        for ws in ada, bob:
            same(ws.object_with("data")["data"], "hello")
        bob.say_goodbye()
        heard("leave", bob, "Bob")
        # one without a name, that is just gone
        cat = shoal.join().welcome()
        expect(cat.object_with("members")["count"] >= 2, "alone")
        heard("join", cat, "")
        cat.sock.close()
        heard("leave", cat, "")


# --- history ---

def place_of(message):
    return f"epoch={message['epoch']}&offset={message['offset']}"


def check_history():
    """What was said before, all of it, or what is new; a gap when it is gone."""
    with Rooms(route(config=JSON + "history = { count = 3; };"),
               route("/some/", JSON + 'replay = 2; '
                     'history = { count = 3; };'),
               route("/strict/", JSON + "close_on_gap = true;"),
               route("/plain/"), workers=2) as shoal:
        ada = shoal.join().welcome()
        # what comes while it is still asked for may be from there
        ada.say("0").hear_data("0")
        for text in "12345":
            ada.say(text)
        got = [ada.hear_data(text, replayed=None) for text in "12345"]
        same([one["offset"] - got[0]["offset"] for one in got],
             [0, 1, 2, 3, 4])
        same({one["epoch"] for one in got}, {got[0]["epoch"]})
        expect(int(got[0]["epoch"]) > 0, got[0])

        late = shoal.join().welcome()
        late.hear_data("3", "4", "5", replayed=True)
        shoal.join("/some/lobby").welcome().hear_data("4", "5")
        shoal.join("/plain/lobby").hear("3", "4", "5")
        # resuming
        shoal.join("/room/?" + place_of(got[3])).welcome().hear_data("5")
        newest = shoal.join("/room/?" + place_of(got[4])).welcome()
        newest.ping()
        ada.say("6")
        newest.hear_data("6")
        # close_on_gap is of no use here: it would be the same the next time
        for path in "/room/", "/strict/lobby":
            lost = shoal.join(f"{path}?{place_of(got[0])}").welcome()
            same(lost.object().get("gap"), True)
            lost.hear_data("4", "5", "6")
            lost.ping()
        other = shoal.join(
            f"/room/?epoch=1&offset={got[4]['offset']}").welcome()
        same(other.object().get("gap"), True)
        other.hear_data("4", "5", "6")
        # a reload keeps it
        shoal.reload()
        shoal.join("/room/?" + place_of(got[4])).welcome().hear_data("6")
        for query in ("epoch=1", "offset=1", "epoch=x&offset=1",
                      "epoch=1&offset=", "epoch=1&offset=-1",
                      "epoch=1&offset=99999999999999999999"):
            refused(shoal, "/room/?" + query, 400, "epoch and offset")


# --- limits ---

def check_too_big():
    """Longer than a message can be on its way to another worker."""
    with Rooms(more='topics = { ring = "64k"; };', workers=2) as shoal:
        ada = shoal.join()
        ada.say("x" * 15000).hear("x" * 15000)
        ada.say("x" * 20000)
        ada.expect_dismissal(1009)


def check_errors():
    """Settings that make no sense, each with its reason."""
    for config, *words in (
            ('topic_from = "header";', "topic_from 'header' is not"),
            ('topic_from = "fixed"; topic = "";', "config.topic is empty"),
            ('topic = "a/+";', "config.topic 'a/+' is no topic"),
            ('topic = "$x"; topic_prefix = "";', "is no topic"),
            ('topic_prefix = "room";', "topic_prefix 'room' has to end"),
            ('topic_prefix = "a//";', "topic_prefix 'a//' has to end"),
            ('format = "xml";', "format 'xml' is not"),
            ('announce = true;', 'announce needs format = "json"'),
            ('publish = false; publish_token = "x";', "nobody needs"),
            ('subscribe_token = "a b";', "subscribe_token has to be"),
            ('publish_token = "a"; publish_token_file = "/x";',
             "are both set"),
            ('subscribe_token_file = "x";', "no absolute path"),
            ('authorize = "greet"; publish_token = "x";',
             "take the tokens away"),
            ('authorize = "static";', "needs a value for its key 'root'"),
            ('replay = -2;', "out of range -1.."),
            ('history = { count = -1; };', "history.count"),
            ('history = { bytes = "65M"; };', "history.bytes"),
            ('echo = "yes";', "expected true or false"),
            ('token = "x";', "unknown key 'token'")):
        with Shoal(web(route(config=config))) as shoal:
            code, out, err = shoal.cli("test")
            expect(code != 0, "agreed to", config)
            expect_in(out + err, *words)


def check_histories():
    """Of rooms with the same topics, and of the file, which goes before."""
    first, second = [route(f"/{n}/", f"history = {{ count = {n}; }};")
                     for n in (1, 2)]
    wrong = web(first, second)
    with Shoal(wrong) as shoal:
        for command in "test", "start":
            code, out, err = shoal.cli(command)
            expect(code != 0, command, "agreed to two histories")
            expect_in(out + err, f"{shoal.conf}:10: error: "
                      "listeners[0].routes[1].handler 'room': config.history: "
                      "the topics 'room/#' keep a history with other bounds")
        for good, more in ((web(first, second.replace("= 2", "= 1")), ""),
                           (web(first, route("/2/", 'topic_prefix = "x/"; '
                                             "history = { count = 2; };")), ""),
                           (wrong, 'topics = { history = ( '
                            '{ filter = "room/#"; count = 3; } ); };')):
            shoal.configure(good, more=more)
            shoal.good("test")
        # another one later: what was checked before is forgotten
        shoal.run()
        shoal.configure(web(second))
        shoal.reload()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
