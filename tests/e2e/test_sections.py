"""A build by a model that goes on from a begun reply: first drafts come section by section."""

from guildbus.protocols.messages.draft import DraftRequested
from guildhall import ROOT, Guild, rule

SPEC = ROOT / "specs" / "numkit.yaml"
GCD = """\t// First make both positive.
\tif a < 0 {
\t\ta = -a
\t}
\tif b < 0 {
\t\tb = -b
\t}
\tfor b != 0 {
\t\ta, b = b, a%b
\t}
\treturn a"""
CLAMP = "\t// First look at the bounds.\n\tif lo > hi {\n\t\treturn x\n\t}\n\treturn max(lo, min(x, hi))\n}\n"
NO_CLAMP = "\t// First look at the bounds.\n\treturn limited(x)\n}\n"
DEV = [
    rule(NO_CLAMP, CLAMP, match="func Clamp(x, lo, hi int) int {\n"),
    rule(GCD, match="func GCD(a, b int) int {\n"),
]
TEST = [
    rule('\t\t{"1 < 2", 1, 2, 3, 2},\n\t\t{"7 > 3", 7, 2, 3, 3},', match="func TestClamp(t *testing.T) {"),
    rule('\t\t{"3003 divides both", 6006, 9009, 3003},', match="func TestGCD(t *testing.T) {"),
]


def test_sections_make_a_package_and_what_does_not_compile_is_written_anew_alone(guild: Guild) -> None:
    guild.serve(DEV, TEST)
    config = guild.folder / "guild.toml"
    config.write_text(config.read_text().replace('model = "stub"\n', 'model = "stub"\ncontinues = true\n'))

    code, report = guild.build(SPEC, "--candidates", 1, "--out", "pkg")
    assert (code, report["green"], report["score"]["total"]) == (0, True, 3), report
    code_text = (guild.folder / "pkg" / "numkit.go").read_text()
    assert "// Clamp returns x limited to the range from lo to hi, both included." in code_text
    assert "// First make both positive." in code_text
    assert "limited(" not in code_text, "only Clamp was written anew"
    suite = (guild.folder / "pkg" / "numkit_test.go").read_text()
    assert '{"3003 divides both", 6006, 9009, 3003},' in suite
    assert '{"stated", 7, 10, 0, 7},' in suite, "what the spec states is a row, whatever the author lists"

    dev = [request["body"]["messages"] for request in guild.requests("go-dev")]
    assert [len(messages) for messages in dev] == [3] * len(dev), "every reply was begun"
    assert GCD in dev[1][-1]["content"], "the second section is begun by the first"
    assert dev[0][:2] == dev[1][:2], "and reads the same prompt"
    reasons = [
        message["body"]["reason"]
        for message in guild.json("trace", report["run_id"], "--format", "json")
        if message["type"] == DraftRequested.wire_type() and message["body"]["author"] == "go-dev"
    ]
    assert reasons == ["first", "function"]


def test_a_budget_that_pays_for_one_section_ends_the_run_honestly(guild: Guild) -> None:
    guild.serve(DEV, TEST)
    config = guild.folder / "guild.toml"
    config.write_text(config.read_text().replace('model = "stub"\n', 'model = "stub"\ncontinues = true\n'))
    code, report = guild.build(SPEC, "--candidates", 1, "--max-tokens", 1900)
    assert (code, report["green"]) == (1, False)
    assert report["status"] == "red:tokens"
    spent = report["model"]["prompt_tokens"] + report["model"]["completion_tokens"]
    assert 0 < spent <= 1900
