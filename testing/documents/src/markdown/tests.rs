use super::*;

fn document(text: &str) -> Document {
    Document::new("a.md".into(), text.into())
}

#[test]
fn anchors_are_those_of_code_hosts() {
    let text = "# The command `phonehome`\n\n## `regions[]`\n\n### Is it *up*? No.\n";
    assert_eq!(document(text).anchors, ["the-command-phonehome", "regions", "is-it-up-no"]);
}

#[test]
fn of_a_console_only_what_is_typed_is_a_script() {
    let text = "```console\n$ aws ec2 \\\n    x\nprinted\n$ for a in b; do\n>   echo c\n> done\n```\n";
    let scripts = document(text).scripts();
    assert_eq!(scripts.len(), 1);
    assert_eq!(scripts[0].what, "aws ec2 \\\n    x\nfor a in b; do\n  echo c\ndone\n");
}

#[test]
fn links_code_and_blocks_have_their_places() {
    let found = document("# A\n\n[b](c.md#d) and `e`\n\n```yaml\nf: 1\n```\n");
    assert_eq!(found.links, [Placed { place: "a.md:3".into(), what: "c.md#d".into() }]);
    assert_eq!(found.spans, [Placed { place: "a.md:3".into(), what: "e".into() }]);
    assert_eq!(found.blocks, [Placed { place: "a.md:5".into(), what: ("yaml".into(), "f: 1\n".into()) }]);
    assert_eq!(found.opening(), "[b](c.md#d) and `e`");
}
