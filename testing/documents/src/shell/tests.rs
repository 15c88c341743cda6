use super::*;

fn read(script: &str) -> Vec<String> {
    let commands = commands(script).unwrap_or_else(|problem| panic!("{problem}"));
    commands.iter().map(|words| words.join("|")).collect()
}

#[test]
fn words_are_split_as_a_shell_splits_them() {
    assert_eq!(read("aws a 'b c' \"d $E\" f\\ g"), ["aws|a|b c|d $E|f g"]);
    assert_eq!(read("a --x='' \\\n  b"), ["a|--x=|b"]);
    assert_eq!(read("a 'one\ntwo'"), ["a|one\ntwo"]);
}

#[test]
fn each_command_of_a_line_is_found() {
    assert_eq!(read("a b; c | d && e\nf"), ["a|b", "c", "d", "e", "f"]);
    assert_eq!(read("for x in 1 2; do\n  a $x\ndone"), ["a|$x"]);
    assert_eq!(read("if a; then b; else c; fi"), ["a", "b", "c"]);
}

#[test]
fn what_a_substitution_runs_is_a_command_too() {
    assert_eq!(read("a \"$(b --c \"$(d)\")\" e"), ["d", "b|--c|$(…)", "a|$(…)|e"]);
    assert_eq!(read("X=$(a b)"), ["a b".replace(' ', "|")]);
}

#[test]
fn assignments_redirections_and_comments_are_no_arguments() {
    assert_eq!(read("A=1 B='2 3' c d=4"), ["c|d=4"]);
    assert_eq!(read("a get 7 > file 2>&1 # b"), ["a|get|7"]);
    assert_eq!(read("# nothing\nA=1"), Vec::<String>::new());
    assert_eq!(read("a x#y"), ["a|x#y"]);
}

#[test]
fn variables_stay_as_they_are_written() {
    assert_eq!(read("a ${B} ${{ matrix.c }}d $E"), ["a|${B}|${{ matrix.c }}d|$E"]);
}

#[test]
fn what_is_never_closed_is_named() {
    assert_eq!(commands("a 'b"), Err(Problem::Quote('\'')));
    assert_eq!(commands("a \"b"), Err(Problem::Quote('"')));
    assert_eq!(commands("a $(b"), Err(Problem::Substitution));
    assert_eq!(commands("a ${b"), Err(Problem::Substitution));
}
