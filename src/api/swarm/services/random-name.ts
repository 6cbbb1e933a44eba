/** Names for services that come without one: an adjective and the name of somebody who made something. */
import { randomInt } from 'node:crypto';

const ADJECTIVES = (
  'able agile ample apt bold brisk bright calm candid civil clear clever cosy crisp curious daring deft eager early ' +
  'easy exact fair famous fast fine firm fond frank free fresh gentle glad golden grand happy hardy honest humble ' +
  'jolly keen kind large light lively loyal lucid lucky mellow merry mighty mild modest neat nimble noble open patient ' +
  'plain polite proud pure quick quiet rapid ready robust round safe sage sharp silent simple sleek smart smooth snug ' +
  'sober solid sound spry stable steady still stout strong sunny sure sweet swift tidy timely trusty upbeat useful ' +
  'vivid warm wise witty worthy young zesty'
).split(' ');

const SURNAMES = (
  'agnesi ampere archimedes babbage banach bernoulli bohr boltzmann boole born brahe cantor carnot carson cauchy cori ' +
  'coulomb cray curie darwin descartes diesel dijkstra dirac eckert edison einstein engelbart eratosthenes erdos euclid ' +
  'euler faraday fermat fermi feynman fleming fourier franklin galilei galois gauss germain goodall hamilton hawking ' +
  'heisenberg hermann hertz hilbert hodgkin hopper hubble huygens hypatia jacquard joliot kalman kepler knuth kovalevsky ' +
  'lagrange lamarr laplace lavoisier leavitt leibniz lovelace maxwell mayer mccarthy meitner mendel mirzakhani morse ' +
  'napier nash newton nightingale nobel noether ohm panini pascal pasteur pauli payne perlman planck poincare ptolemy ' +
  'ramanujan ride riemann ritchie rubin sagan sammet shannon sinoussi snyder stallman tesla thompson turing volta ' +
  'watt wiles wing wozniak wright wu yalow yonath'
).split(' ');

/** Like `swift_noether`; not one of `taken`, for which a number is appended if need be. */
export function randomName(
  taken: (name: string) => boolean,
  random: (below: number) => number = randomInt,
): string {
  const name = `${ADJECTIVES[random(ADJECTIVES.length)]}_${SURNAMES[random(SURNAMES.length)]}`;
  let unique = name;
  while (taken(unique)) unique = `${name}${random(10)}`;
  return unique;
}
