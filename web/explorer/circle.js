// The circle of a radius on the globe, as a polygon of the map.

const EARTH_M = 6_371_008.771415;
const CORNERS = 180;
// Maps end at 85 degrees.
const POLE = 86;
const RADIANS = Math.PI / 180;

/** Where a radius ends: corners, [longitude, latitude], without a leap at the antimeridian. */
function rim({ lat, lng }, radius_m) {
  const angle = radius_m / EARTH_M;
  const [sin, cos] = [Math.sin(lat * RADIANS), Math.cos(lat * RADIANS)];
  const corners = [];
  for (let corner = 0; corner <= CORNERS; corner++) {
    const bearing = (corner / CORNERS) * 2 * Math.PI;
    const north = sin * Math.cos(angle) + cos * Math.sin(angle) * Math.cos(bearing);
    const east = Math.atan2(Math.sin(bearing) * Math.sin(angle) * cos, Math.cos(angle) - sin * north);
    let degrees = lng + east / RADIANS;
    const before = corners.at(-1)?.[0] ?? degrees;
    degrees += 360 * Math.round((before - degrees) / 360);
    const latitude = Math.asin(Math.max(-1, Math.min(1, north))) / RADIANS;
    corners.push([degrees, Math.max(-POLE, Math.min(POLE, latitude))]);
  }
  return corners;
}

/** Which poles are within. */
function poles({ lat }, radius_m) {
  const reach = radius_m / EARTH_M / RADIANS;
  return { north: lat + reach > 90, south: reach - lat > 90 };
}

/** Its rings, as those of a GeoJSON polygon. */
export function rings(origin, radius_m) {
  const corners = rim(origin, radius_m);
  const { north, south } = poles(origin, radius_m);
  if (!north && !south) return [corners];
  const moved = (middle) => {
    const [least, most] = [Math.min, Math.max].map((pick) => pick(...corners.map(([x]) => x)));
    const turns = 360 * Math.round((middle - (least + most) / 2) / 360);
    return corners.map(([x, y]) => [x + turns, y]);
  };
  if (north && south) {
    // All but what is around the other end of the globe.
    const west = origin.lng > 0 ? origin.lng - 360 : origin.lng;
    const east = west + 360;
    const globe = [[west, -POLE], [east, -POLE], [east, POLE], [west, POLE], [west, -POLE]];
    return [globe, moved(west + 180)];
  }
  // The rim goes around the globe once, and the ring closes along the pole.
  const around = moved(0);
  const pole = north ? POLE : -POLE;
  return [[...around, [around.at(-1)[0], pole], [around[0][0], pole], around[0]]];
}

/** Southwest and northeast of a box around it; `null` where it goes around the globe. */
export function bounds(origin, radius_m) {
  const { north, south } = poles(origin, radius_m);
  if (north || south) return null;
  const corners = rim(origin, radius_m);
  const within = (pick, place) => pick(...corners.map((corner) => corner[place]));
  return [
    [within(Math.min, 0), within(Math.min, 1)],
    [within(Math.max, 0), within(Math.max, 1)],
  ];
}
