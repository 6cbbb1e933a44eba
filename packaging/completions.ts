/** Completions for shells, made of the command tree. Names of machines are asked of the command itself. */
import { commandTree, type Entry } from './tree.ts';

export async function completions(): Promise<{ bash: string; zsh: string; fish: string }> {
  const tree = await commandTree();
  return { bash: bash(tree), zsh: zsh(tree), fish: fish(tree) };
}

interface Place {
  /** The commands that lead there: "machine create". */
  readonly path: string;
  readonly entry: Entry;
}

function places(entry: Entry, path: readonly string[] = []): Place[] {
  const here = { path: path.join(' '), entry };
  return [here, ...entry.children.flatMap((child) => places(child, [...path, child.name]))];
}

/** Commands of `machine` that take the name of one. */
function takesMachines({ path, entry }: Place): boolean {
  return path.startsWith('machine ') && /name|from/.test(entry.usage) && !/create$/.test(path);
}

/** What may stand at a place: commands and options. */
function words({ entry }: Place): string {
  return [...entry.children.map(({ name }) => name), ...entry.options.flatMap(({ names }) => names)].join(' ');
}

/** The function that both bash and zsh find their way with: the commands among the words typed. */
function bash(tree: Entry): string {
  const all = places(tree);
  const cases = all.map((place) => {
    const names = takesMachines(place) ? ' $(essaim machine ls -q 2>/dev/null)' : '';
    return `    '${place.path}') words="${words(place)}${names}" ;;`;
  });
  const known = all.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `# Completion of essaim for bash.
_essaim() {
  local path= word words i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${path:+$path }\${COMP_WORDS[i]}
    case $word in ${known.join(' | ')}) path=$word ;; esac
  done
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _essaim essaim
`;
}

function zsh(tree: Entry): string {
  const all = places(tree);
  const quoted = (name: string, text: string): string =>
    `'${name.replaceAll(':', '\\:')}:${text.replaceAll("'", "'\\''").replaceAll(':', '\\:')}'`;
  const cases = all.map((place) => {
    const { entry, path } = place;
    const lines = [
      ...entry.children.map(({ name, description }) => quoted(name, description)),
      ...entry.options.flatMap(({ names, description }) => names.map((name) => quoted(name, description))),
    ];
    const names = takesMachines(place) ? '\n      entries+=(\${(f)"$(essaim machine ls -q 2>/dev/null)"})' : '';
    return `    '${path}')\n      entries=(\n        ${lines.join('\n        ')}\n      )${names}\n      ;;`;
  });
  const known = all.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `#compdef essaim
# Completion of essaim for zsh.
_essaim() {
  local place= word i
  local -a entries
  for i in "\${(@)words[2,CURRENT-1]}"; do
    word=\${place:+$place }$i
    case $word in (${known.join('|')}) place=$word ;; esac
  done
  case $place in
${cases.join('\n')}
  esac
  _describe essaim entries || _files
}
_essaim "$@"
`;
}

function fish(tree: Entry): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = places(tree).flatMap((place) => {
    const condition = `-n ${quoted(`__essaim_at ${quoted(place.path)}`)}`;
    const { entry } = place;
    return [
      ...entry.children.map(({ name, description }) => `complete -c essaim -f ${condition} -a ${name} -d ${quoted(description)}`),
      ...entry.options.map(({ names, description }) => {
        const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
        return `complete -c essaim ${condition} ${flags.join(' ')} -d ${quoted(description)}`;
      }),
      ...(takesMachines(place) ? [`complete -c essaim -f ${condition} -a '(essaim machine ls -q 2>/dev/null)'`] : []),
    ];
  });
  const known = places(tree)
    .filter(({ path }) => path !== '')
    .map(({ path }) => quoted(path));
  return `# Completion of essaim for fish.
function __essaim_at
    set -l place ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$place $word")
        contains -- $next ${known.join(' ')}; and set place $next
    end
    test "$place" = "$argv[1]"
end
${lines.join('\n')}
`;
}
