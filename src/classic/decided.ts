/** Where, on its API, the manager that leads takes what others leave to it: names and places are given by one alone. */
export const DECIDED = '/essaim/endpoint';
